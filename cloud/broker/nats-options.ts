/** What a broker over NATS is told, and its bounds. */

import type { NatsConnection } from '@nats-io/transport-node';
import type { BrokerMessage } from './message.ts';
import type { NatsAddress } from './nats-address.ts';
import type { NatsLogOptions } from './nats-log.ts';
import type { ReplicaOptions } from './replica.ts';

export interface NatsBrokerOptions {
  /** As nats-address.ts says. */
  readonly url: string;
  /** First token of every subject and name of the streams. Default `earl`. */
  readonly prefix?: string;
  /** Most bytes of history in NATS and in this process; the oldest messages go first. Default 64 MiB. */
  readonly historyBytes?: number;
  /** Most messages of one topic in the history; the oldest go first. Default 1024. */
  readonly historyPerTopic?: number;
  /** Most last values; the one not renewed for longest is forgotten. Default 10,000. */
  readonly retainedTopics?: number;
  /** Most bytes of last values, same policy. Default 16 MiB. */
  readonly retainedBytes?: number;
  /** Publishers whose last sequence number is remembered; least recently heard forgotten. Default 10,000. */
  readonly publishers?: number;
  /** Bytes that may wait for NATS. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** How long a reading waits for a mirror that has not yet what the home stream has. Default 5 s. */
  readonly mirrorWaitMs?: number;
  /** How often the home stream is asked whether it is there. Default 2 s. */
  readonly watchMs?: number;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

const MiB = 1024 * 1024;
const defaultHistoryBytes = 64 * MiB;
const defaultRetainedTopics = 10_000;
export const defaultWaitingBytes = 64 * MiB;
export const defaultMirrorWaitMs = 5_000;
export const defaultWatchMs = 2_000;

export function replicaOptions(options: NatsBrokerOptions): ReplicaOptions {
  return {
    historyBytes: options.historyBytes ?? defaultHistoryBytes,
    historyPerTopic: options.historyPerTopic ?? 1024,
    retainedTopics: options.retainedTopics ?? defaultRetainedTopics,
    retainedBytes: options.retainedBytes ?? 16 * MiB,
    publishers: options.publishers ?? 10_000,
    ...(options.onSubscriberError ? { onSubscriberError: options.onSubscriberError } : {}),
  };
}

export function logOptions(nats: NatsConnection, { home }: NatsAddress, options: NatsBrokerOptions): NatsLogOptions {
  return {
    nats,
    home,
    prefix: options.prefix ?? 'earl',
    historyBytes: options.historyBytes ?? defaultHistoryBytes,
    retainedTopics: options.retainedTopics ?? defaultRetainedTopics,
  };
}
