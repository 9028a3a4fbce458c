/** What a cloud can be told, and its limits with their defaults. */

import type { Broker, JournalOptions } from '../broker/index.ts';
import { limits } from '../protocol/index.ts';
import type { Rate } from './rate.ts';
import type { TlsFiles } from './tls.ts';

/** Every limit of the server, each with the policy that applies beyond it. */
export const defaultServerLimits = {
  /** Longest message in bytes; beyond, the connection is closed with 1009. */
  messageBytes: limits.messageBytes as number,
  /** Bytes waiting for one slow client; beyond, it is closed with 4100. */
  queueBytes: 1024 * 1024,
  /** Bytes waiting for all slow clients together; beyond, those with more than 64 KiB are closed with 4100. */
  allQueuesBytes: 256 * 1024 * 1024,
  /** Retained values waiting for one slow client, which the bytes above leave out; beyond, it is closed with 4100. */
  queuedRetained: 32_768,
  /** Fragments of one message; beyond, the connection is closed with 1008. */
  fragments: 1_024,
  /** Connections; beyond, the handshake is refused with 503. */
  connections: 10_000,
  /** Connections that do not (or do not yet) speak WebSocket, beside those above; beyond, they are ended at once. */
  httpConnections: 1_000,
  /** Handshakes; beyond, they are refused with 503 and `Retry-After`. */
  handshakes: { perSecond: 4_000, burst: 4_000 } as Rate,
  /** Publishes of one connection; beyond, it is not read until its debt is paid: back-pressure. */
  publishes: { perSecond: 50_000, burst: 50_000 } as Rate,
  /** Filters of one connection; beyond, `error` 104. */
  subscriptions: 256,
  /** Messages that a resumed subscription may bring; beyond, it begins anew and says `recovered: false`. */
  resumedMessages: 20_000,
  /** Topics that one connection of `earl.v1` may have numbers for; beyond, `error` 104. */
  publishedTopics: 10_000,
  /** Commands of one connection that wait for a reply; beyond, `error` 104. */
  pendingCommands: 64,
  /** Commands that wait for one gateway; beyond, `error` 202. */
  servedCommands: 256,
  /** Requests of one connection that the broker has not accepted; beyond, the connection is not read. */
  operations: 256,
  /** Bad messages of one connection; at the last, it is closed with 4000. */
  badMessages: 10,
  /** Bytes of a client's will; beyond, `error` 104. */
  willBytes: 128 * 1024,
  /** Bytes of the wills of all clients; beyond, `error` 202. */
  allWillsBytes: 64 * 1024 * 1024,
  /** Bytes of what all clients say of themselves and where they are; beyond, `error` 202. */
  presenceBytes: 16 * 1024 * 1024,
  /** Filters of presence that one connection follows; beyond, `error` 104. */
  followedFilters: 4,
  /** Filters of presence that all connections follow; beyond, `error` 202. */
  presenceFilters: 1_000,
  /** Time for which changes of presence are gathered. */
  presenceDelayMs: 100,
  /** Time for a client that ended without a goodbye to be back before it has left and its will is published. */
  willDelayMs: 1_000,
  /** MQTT packets with QoS 1 that wait for one client's acknowledgement; what comes then waits. */
  mqttInFlight: 64,
  /** Time for such an acknowledgement; beyond, the packet is sent again. */
  mqttRetryMs: 20_000,
  /** MQTT messages with QoS 2 that one client has not released; beyond, it is closed. */
  mqttUnreleased: 1024,
  /** MQTT clients with "clean session 0" that are remembered while they are away; beyond, the first to leave is forgotten. */
  mqttSessions: 10_000,
  /** How long they are remembered. */
  mqttSessionMs: 24 * 60 * 60 * 1000,
  /** Time between two records of such a session while it is connected: what a killed server does not know any more. */
  mqttRecordMs: 5_000,
  /** Time for an older connection, perhaps at another server, to let go of an MQTT session; then it is taken for dead. */
  mqttTakeOverMs: 1_000,
  /** Time for a request's headers, or a TLS handshake; beyond, the connection is ended, with 408 where that is possible. */
  headersTimeoutMs: 10_000,
  /** Time for `hello`; beyond, the connection is closed with 4000. */
  helloTimeoutMs: 10_000,
  /** Time before a token expires at which its client is warned. */
  expiryWarningMs: 30_000,
  /** Time between looks at whether the files of keys and certificate have changed. */
  fileCheckMs: 2_000,
  /** Time between WebSocket pings; a client that has not answered by the next is closed with 4102. */
  keepaliveMs: 25_000,
  /** Time for a client to complete the closing handshake; beyond, the socket is destroyed. */
  closeGraceMs: 1_500,
  /** Time between two signs of life of a server; the others take it for dead after three that did not come. */
  serverBeatMs: 5_000,
  /** Time for the canary message of /health; beyond, the answer is 503. */
  canaryTimeoutMs: 2_000,
};

export type ServerLimits = typeof defaultServerLimits;

/** The place of a server among the workers that share its port (cloud/workers). */
export interface WorkerSeat {
  readonly worker: number;
  /** Workers now. */
  workers(): number;
  /** The metrics of all of them, given this one's own. */
  allMetrics(own: string): Promise<string>;
}

export interface CloudOptions {
  /** Address to listen on. Default 127.0.0.1; any other than loopback makes the token obligatory. */
  readonly host?: string;
  /** TCP port; 0 takes a free one. Default 8080. */
  readonly port?: number;
  /** TCP port for MQTT, on the same address; 0 takes a free one. Default: MQTT by WebSocket only. */
  readonly mqttPort?: number;
  /** Folder of the dashboard's files; without it only the WebSocket and /health are served. */
  readonly webRoot?: string;
  /**
   * Keep messages on disk, so that what was acknowledged survives the end of the process. Throws `DATA_IN_USE`,
   * `DATA_FAILED` or `DATA_TOO_NEW`. Not together with `broker`.
   */
  readonly journal?: JournalOptions;
  /**
   * Address of an engine that several servers share: `redis://host:port/database` or `nats://host:port`; `rediss:` and
   * `tls:` speak TLS, and `nats://host:port?home=DOMAIN` names the home of a region. Rejects with
   * `BACKPLANE_BAD_URL` or `BACKPLANE_UNREACHABLE`. Not together with `broker` or `journal`.
   */
  readonly backplane?: string;
  /** Default: a LocalBroker, closed with the cloud. One that is passed in stays open. */
  readonly broker?: Broker;
  /** What clients must show. Default: none on loopback or with `keys`, a random one elsewhere. */
  readonly token?: string;
  /**
   * File or folder of the keys of signed tokens, which clients must show unless they show `token`. Read again when it
   * changes. `startCloud` rejects with `KEYS_BAD` or `KEYS_PERMISSION`.
   */
  readonly keys?: string;
  /** Serve `https:` and `wss:`; read again when they change. `startCloud` rejects with `TLS_BAD`. */
  readonly tls?: TlsFiles;
  /** Origins of pages, other than the cloud's own, that may connect: `https://lab.example`; `*` for any. */
  readonly allowedOrigins?: readonly string[];
  /** Name in `welcome` and /health, e.g. `earl/0.1.0`. Default `earl`. */
  readonly serverName?: string;
  readonly limits?: Partial<ServerLimits>;
  /** Default: this server is alone on its port. */
  readonly seat?: WorkerSeat;
  /** Called with a line for each thing an operator should know. Default: nothing. */
  readonly log?: (line: string) => void;
}

/** What the server counts since its start; shown by /health. */
export interface CloudCounters {
  connections: number;
  messagesIn: number;
  messagesOut: number;
  badMessages: number;
  slowConsumers: number;
  refusedHandshakes: number;
}

export function noCounts(): CloudCounters {
  return { connections: 0, messagesIn: 0, messagesOut: 0, badMessages: 0, slowConsumers: 0, refusedHandshakes: 0 };
}
