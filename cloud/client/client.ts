/**
 * The SDK: one reconnecting connection to an Earl cloud, for Node and browsers (interface; see connect.ts). docs/sdk.md
 * shows it at work.
 */

import type { CommandObject, CommandResult, Json, WillMessage } from '../protocol/messages.ts';
import type { ClientDescription, PresentClient } from '../protocol/presence.ts';

export interface CloudClientOptions {
  /** `ws://127.0.0.1:8080` or `wss://…`. */
  readonly url: string;
  /**
   * `auto` speaks `earl.v1` (binary) with clouds that know it and `earl.v1.json` with others; `json` always the latter,
   * for looking at what goes over the line. Default `auto`.
   */
  readonly protocol?: 'auto' | 'json';
  /**
   * Name across reconnects, for deduplication of acknowledged publishes and for the will. Default: a random one, so that
   * a program that starts anew is another publisher. A name of your own belongs to one program at a time, and its
   * numbers must never fall: number the messages yourself, or say `lastSeq`.
   */
  readonly publisher?: string;
  /** Last number that was used under `publisher`, if it was used before; 0 if not. */
  readonly lastSeq?: number;
  /** Who this client is for others (`presence`); without it nobody sees it. */
  readonly client?: ClientDescription;
  /**
   * What the cloud wants to be shown. A function is called for each connection, and when the cloud says that the token
   * expires soon: then what it returns takes its place without a reconnect. It is given the token that the cloud refused
   * last, if it did: returning that again ends the client with `CLOUD_UNAUTHORIZED`; rejecting is tried again later.
   */
  readonly token?: string | ((refused?: string) => string | Promise<string>);
  /** A WebSocket class; the global one when absent (browsers), `ws` in Node. */
  readonly WebSocket?: unknown;
  /** First and longest bound of reconnect delays in ms, full jitter below. Default 250 and 5000. */
  readonly backoffMs?: { readonly first: number; readonly longest: number };
  /** Time without an answer in ms after which the client asks for one. Default 15 s. */
  readonly keepaliveMs?: number;
  /** Time for that answer in ms, after which the connection is given up. Default 8 s, or `keepaliveMs` if less. */
  readonly pongMs?: number;
  /**
   * Window in ms in which publishes are gathered into one message; the first after a pause of as much never waits.
   * Default 0: those of one turn of the event loop go together.
   */
  readonly batchMs?: number;
  /**
   * Most acknowledged publishes that wait for the cloud, and bytes of their JSON and topics; beyond, new ones are
   * rejected. Default 10,000 and 16 MiB.
   */
  readonly queue?: { readonly messages: number; readonly bytes: number };
  /**
   * What becomes of unacknowledged publishes while the cloud is away, or takes less than it is given: the `latest` of
   * each topic is kept, or `all`, or `none`. Beyond the limits the oldest are dropped. Default `latest`, 1,024 messages
   * and 1 MiB.
   */
  readonly away?: { readonly keep: 'latest' | 'all' | 'none'; readonly messages?: number; readonly bytes?: number };
  /** Called with its topic for each unacknowledged publish that is dropped, or superseded by a newer one. */
  readonly onDropped?: (topic: string) => void;
  /**
   * Called when messages may have been missed: the cloud could not deliver what was published while this client was
   * away (it restarted, or too much was). The last values have come anew.
   */
  readonly onMissed?: () => void;
  /**
   * Called when a handler of the caller's throws, with what the cloud says against an unacknowledged publish, and with
   * why there is no token. Default: console.error.
   */
  readonly onHandlerError?: (error: unknown) => void;
}

export interface PublishOptions {
  /** Keep it as the topic's last value; `null` forgets that. */
  readonly retain?: boolean;
  /** In place of the client's `batchMs`; 0 when it must not wait. */
  readonly batchMs?: number;
}

export interface SubscribeOptions {
  /** Messages may be held back by the cloud for so many ms (at most 60,000) and come together. */
  readonly maxDelayMs?: number;
  /** Of each topic only the newest of those. */
  readonly latest?: boolean;
}

/** What waits for the cloud. */
export interface QueueState {
  readonly acknowledged: {
    /** On their way, or waiting. */
    readonly messages: number;
    /** Of those that this client numbers. */
    readonly bytes: number;
    /** The last number that this client gave. */
    readonly lastSeq: number;
  };
  /** Without acknowledgement. */
  readonly loose: {
    readonly messages: number;
    readonly bytes: number;
    /** Since the client began. */
    readonly dropped: number;
    /** Since the client began: a newer one of the topic came while the cloud was away. */
    readonly superseded: number;
  };
}

/** Who is at the places that a filter selects. */
export interface Presence {
  readonly clients: readonly PresentClient[];
  /** There are more than the cloud lists. */
  readonly truncated: boolean;
}

export type OnPresence = (presence: Presence) => void;

/** One command as it reaches who answers it. */
export interface CommandCall {
  /** The server's name of this one command: who answers executes no call twice. */
  readonly id: string;
  /** How long the sender waits: what has not begun by then must not be executed any more. */
  readonly timeoutMs: number;
}

export interface CloudClient {
  readonly connected: boolean;
  /** The subprotocol in use, such as `earl.v1`; undefined while not connected. */
  readonly subprotocol: string | undefined;
  /** What waits for the cloud now, and what was dropped. */
  readonly queue: QueueState;
  /** Calls back on each change of `connected`; the reason comes with a disconnect. Returns a function that stops it. */
  onState(changed: (connected: boolean, reason?: string) => void): () => void;
  /**
   * Subscribes, now and after every reconnect; resolves when the server acknowledged the first time, after the last
   * values. A reconnect first brings what was published meanwhile, or, when the server cannot (`onMissed`), the last
   * values again, marked retained; so does another filter that selects them. A payload that is no JSON comes as a
   * string of base64. Of several subscriptions to one filter the options of the first hold. Rejects with
   * `CLOUD_BAD_FILTER`, `CLOUD_REFUSED` or `CLOUD_CLOSED`.
   */
  subscribe(
    filter: string,
    deliver: (topic: string, data: Json, retained: boolean) => void,
    options?: SubscribeOptions,
  ): Promise<() => void>;
  /**
   * Fire and forget: sent when connected, else kept or dropped as `away` says; false when it was dropped. Throws
   * `CLOUD_BAD_TOPIC`, `CLOUD_BAD_DATA` or `CLOUD_TOO_LARGE`.
   */
  publish(topic: string, data: Json, options?: PublishOptions): boolean;
  /**
   * At least once, in order, deduplicated by the server: waits until the cloud has it, however often the connection ends
   * meanwhile, and resolves then. What waits is kept in memory only. Rejects with `CLOUD_QUEUE_FULL` (it was not taken
   * in), `CLOUD_REFUSED`, `CLOUD_CLOSED`, `CLOUD_BAD_TOPIC`, `CLOUD_BAD_DATA`, `CLOUD_TOO_LARGE`, or
   * `CLOUD_BAD_SEQUENCE` when there is a `publisher` of your own and no `lastSeq`.
   */
  publishAcknowledged(topic: string, data: Json, options?: PublishOptions): Promise<void>;
  /**
   * The same for callers with a queue of their own, who number their messages from 1, rising, and repeat them with the
   * same `seq`. Rejects with `CLOUD_DISCONNECTED` when the connection ends before, and with `CLOUD_OVERLOADED` when the
   * cloud refuses it for now (everything from this `seq` on must be sent again, in order) or 1,024 wait already. A client
   * numbers all of its acknowledged publishes or none.
   */
  publishAcknowledged(topic: string, data: Json, seq: number, options?: PublishOptions): Promise<void>;
  /**
   * Sends a command to `site/probe`, once: it is never repeated. Rejects with `CLOUD_NO_PROBE` (it was not delivered),
   * `CLOUD_TIMEOUT` or `CLOUD_DISCONNECTED` (it may have been). Default timeout 5 s.
   */
  command(probe: string, command: CommandObject, timeoutMs?: number): Promise<CommandResult>;
  /**
   * Answers commands for these probes, now and after every reconnect; replaces the earlier list. When `answer` rejects,
   * the sender hears the status `unknown`.
   */
  serve(
    probes: string[],
    answer: (probe: string, command: CommandObject, call: CommandCall) => Promise<CommandResult>,
  ): Promise<void>;
  /**
   * What the cloud publishes for this client when it ends without `close`; replaces the earlier will, and is renewed
   * after every reconnect before `onState` hears of it. An empty one ends it. Rejects with `CLOUD_BAD_TOPIC`,
   * `CLOUD_TOO_LARGE` (256 messages, 128 KiB), `CLOUD_REFUSED` or `CLOUD_CLOSED`.
   */
  setWill(messages: readonly WillMessage[]): Promise<void>;
  /**
   * Says where this client is, such as `home` or `home/0200000000000003`, in place of what it said before, and again
   * after every reconnect; `info` replaces that of `client`. Needs `client` in the options. Rejects with `CLOUD_REFUSED`.
   */
  here(at: readonly string[], info?: { [field: string]: Json }): Promise<void>;
  /**
   * Who is at the places that a filter selects, those who serve probes there included. Rejects with `CLOUD_BAD_FILTER`,
   * `CLOUD_REFUSED` or `CLOUD_DISCONNECTED`.
   */
  presence(filter: string): Promise<Presence>;
  /**
   * Calls with who is there now, and again with each change, also after a reconnect. Returns a function that stops it.
   * Rejects with `CLOUD_BAD_FILTER` or `CLOUD_REFUSED`.
   */
  onPresence(filter: string, changed: OnPresence): Promise<() => void>;
  /**
   * Asks `token` for the token of now and, when it is another, goes on with that in place; false when it is not. Rejects
   * with `CLOUD_UNAUTHORIZED` when the cloud does not take it (another subject, or more than the one before allows): it
   * will be shown at the next connection.
   */
  refreshToken(): Promise<boolean>;
  /** Round trip to the server in milliseconds. */
  ping(): Promise<number>;
  /** Ends it for good: what waits is rejected with `CLOUD_CLOSED`. */
  close(): Promise<void>;
}
