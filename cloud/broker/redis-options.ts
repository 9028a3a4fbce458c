/** What a broker over Redis is told, and its bounds. */

import type { BrokerMessage } from './message.ts';
import type { Bounds } from './redis-commands.ts';

export interface RedisBrokerOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss:` for TLS. */
  readonly url: string;
  /** First part of every key and channel. Default `earl`. Clouds that share a database must differ in it. */
  readonly prefix?: string;
  /** Most messages of one topic in the history; the oldest go first. Default 1024. */
  readonly historyPerTopic?: number;
  /** Most bytes of history in Redis; the oldest messages go first. Default 64 MiB. */
  readonly historyBytes?: number;
  /** Most last values; the one not renewed for longest is forgotten. Default 10,000. */
  readonly retainedTopics?: number;
  /** Most bytes of last values, same policy. Default 16 MiB. */
  readonly retainedBytes?: number;
  /** Publishers whose last sequence number is remembered; least recently heard forgotten. Default 10,000. */
  readonly publishers?: number;
  /** Bytes that may wait for Redis, in either direction. Default 64 MiB. */
  readonly waitingBytes?: number;
  /** Messages that are made up for after a lost connection; more are a gap. Default 100,000. */
  readonly missedMessages?: number;
  /** A Redis that takes longer for one answer is left, and connected to anew. Default 5 s. */
  readonly answerTimeoutMs?: number;
  /** Called when a subscriber throws. Default: nothing. */
  readonly onSubscriberError?: (error: unknown, message: BrokerMessage) => void;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

const MiB = 1024 * 1024;
export const defaultWaitingBytes = 64 * MiB;
export const defaultAnswerTimeoutMs = 5_000;
export const defaultMissedMessages = 100_000;

export function boundsOf(options: RedisBrokerOptions): Bounds {
  return {
    historyPerTopic: options.historyPerTopic ?? 1024,
    historyBytes: options.historyBytes ?? 64 * MiB,
    retainedTopics: options.retainedTopics ?? 10_000,
    retainedBytes: options.retainedBytes ?? 16 * MiB,
    publishers: options.publishers ?? 10_000,
  };
}
