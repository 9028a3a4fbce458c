/**
 * The SDK: one reconnecting connection to an Earl cloud, for Node and browsers (interface; see connect.ts).
 */

import type { CommandObject, CommandResult, Json, WillMessage } from '../protocol/messages.ts';

export interface CloudClientOptions {
  /** `ws://127.0.0.1:8080` or `wss://…`. */
  readonly url: string;
  /** Name across reconnects, for deduplication of acknowledged publishes; random when absent. */
  readonly publisher?: string;
  /**
   * What the cloud wants to be shown. A function is called for each connection, and when the cloud says that the token
   * expires soon: then what it returns takes its place without a reconnect.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** A WebSocket class; the global one when absent (browsers), `ws` in Node. */
  readonly WebSocket?: unknown;
  /** First and longest reconnect delay in ms, full jitter between. Default 250 and 5000. */
  readonly backoffMs?: { readonly first: number; readonly longest: number };
  /** Silence after which the client asks, and again until it gives the connection up. Default 15 s. */
  readonly keepaliveMs?: number;
  /**
   * Called when messages may have been missed: the cloud could not deliver what was published while this client was
   * away (it restarted, or too much was). The last values have come anew.
   */
  readonly onMissed?: () => void;
  /** Called when a handler of the caller's throws. Default: console.error. */
  readonly onHandlerError?: (error: unknown) => void;
}

/** One command as it reaches who answers it. */
export interface CommandCall {
  /** The server's name of this one command: who answers executes no call twice. */
  readonly id: string;
  /** How long the sender waits: what has not begun by then must not be executed any more. */
  readonly timeoutMs: number;
}

export interface CloudClient {
  readonly connected: boolean;
  /** Calls back on each change of `connected`; the reason comes with a disconnect. Returns a function that stops it. */
  onState(changed: (connected: boolean, reason?: string) => void): () => void;
  /**
   * Subscribes, now and after every reconnect; resolves when the server acknowledged the first time, after the last
   * values. A reconnect first brings what was published meanwhile, or, when the server cannot (`onMissed`), the last
   * values again, marked retained; so does another filter that selects them. A payload that is no JSON comes as a
   * string of base64. Rejects with
   * `CLOUD_BAD_FILTER`, `CLOUD_REFUSED` or `CLOUD_CLOSED`.
   */
  subscribe(filter: string, deliver: (topic: string, data: Json, retained: boolean) => void): Promise<() => void>;
  /**
   * Fire and forget: sent when connected; dropped (false) when not, or when 1 MiB already waits in the socket.
   * Throws `CLOUD_BAD_TOPIC` or `CLOUD_TOO_LARGE`.
   */
  publish(topic: string, data: Json, options?: { retain?: boolean }): boolean;
  /**
   * At least once, in order, deduplicated by the server: resolves when the server acknowledged. Rejects with
   * `CLOUD_DISCONNECTED` when the connection ends before; the caller repeats it with the same `seq`. Also rejects with
   * `CLOUD_REFUSED`, `CLOUD_OVERLOADED` (1,024 wait already), `CLOUD_BAD_TOPIC`, `CLOUD_TOO_LARGE`.
   */
  publishAcknowledged(topic: string, data: Json, seq: number, options?: { retain?: boolean }): Promise<void>;
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
  /** Round trip to the server in milliseconds. */
  ping(): Promise<number>;
  /** Ends it for good: what waits is rejected with `CLOUD_CLOSED`. */
  close(): Promise<void>;
}
