/**
 * Subprotocol `earl.v1.json`: one JSON object per WebSocket text message. Leaf, shared by server, SDK and dashboard.
 *
 * A topic is `site/probe/channel`. A filter may hold `+` (one level) and a last `#` (the rest). Requests carry an `id`
 * of the sender's choice, and the server answers each with `ok`, `error` or `reply` of the same `id`.
 */

import type { ClientDescription, PresenceChanges, PresentClient } from './presence.ts';

export const SUBPROTOCOL_JSON = 'earl.v1.json';
/** The thesis' clients: publisher and subscriber objects, no acknowledgements. */
export const SUBPROTOCOL_ECHO = 'echo-protocol';
/** MQTT 3.1.1, section 6. */
export const SUBPROTOCOL_MQTT = 'mqtt';

/** What stands in `data` is any JSON value; samples are SenML packs (RFC 8428). */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Channels that a gateway publishes for each probe, third level of the topic. */
export const channels = {
  /** SenML pack of one sample. */
  samples: 'samples',
  /** `ProbeStatus`, retained: birth and death. */
  status: 'status',
  /** `LedState`, retained. */
  leds: 'leds',
  /** `ProbeEventData`. */
  events: 'events',
  /** Decoded counters message with the gateway's own link counters, retained. */
  counters: 'counters',
} as const;

export interface SenmlRecord {
  /** Base name `urn:dev:earl:<id>:`, in the first record only. */
  bn?: string;
  /** Base time, seconds since 1970, in the first record only. */
  bt?: number;
  n: string;
  u?: string;
  v?: number;
  vs?: string;
  vb?: boolean;
  t?: number;
}

export interface ProbeStatus {
  online: boolean;
  kind: string;
  /** 16 hex digits. */
  id: string;
  firmware: string;
  capabilities: string[];
  intervalMs: number;
  resetCause: string;
  boots: number;
  /** Where the gateway meets it, e.g. `emu:ball`. */
  transport: string;
  /** Why it is offline, quiet or quarantined. */
  reason?: string;
  /** It is there, and not let in: what it says about itself is not proven, and nothing of it is relayed. */
  quarantined?: true;
  /** What to type at the gateway to let it in. */
  remedy?: string;
  /** ISO 8601. */
  time: string;
}

export interface LedState {
  /** TCA6507 registers 0x00 to 0x09. */
  registers: number[];
  /** Wall-clock seconds since 1970 at which they were written. */
  time: number;
}

export interface ProbeEventData {
  event: string;
  value: number;
  time: number;
}

/** A command for a probe: a `Command` of host/link with bytes as number arrays. Opaque to the cloud. */
export type CommandObject = { name: string } & { [field: string]: Json };

export type ClientMessage =
  /**
   * First message of a connection. `publisher` names the sender across reconnects, for deduplication; with `client` it
   * can be seen by others, at the places that `here` names and the probes that it serves.
   */
  | { op: 'hello'; publisher?: string; token?: string; client?: ClientDescription }
  /** Goes on with another token of the same subject that allows no more than the one before. */
  | { op: 'refresh'; id: number; token: string }
  /**
   * `since` resumes: what was published after that place comes first. With `maxDelayMs` live messages may be held back
   * for so long and come together; with `latest` as well only the newest of each topic. On the wire one filter may be
   * given as `filter`.
   */
  | { op: 'subscribe'; id: number; filters: string[]; since?: Position; maxDelayMs?: number; latest?: boolean }
  | { op: 'unsubscribe'; id: number; filters: string[] }
  /**
   * Without `id`: fire and forget. With `id`: acknowledged by `ok`; with `seq` as well a repeated (publisher, seq) is
   * acknowledged again but delivered once. `retain` keeps the message as the topic's last value.
   */
  | { op: 'publish'; topic: string; data: Json; id?: number; seq?: number; retain?: boolean }
  /** Declares that this connection answers commands for these probes (`site/probe`); replaces the earlier list. */
  | { op: 'serve'; id: number; probes: string[] }
  /** Sends a command to a probe; answered by `reply`, or by `error` (no such probe, timeout). */
  | { op: 'command'; id: number; probe: string; command: CommandObject; timeoutMs?: number }
  /** Answers a `command` that the server passed on; `call` is that message's `call`. */
  | { op: 'reply'; call: string; result: CommandResult }
  /**
   * What the cloud publishes when this connection ends without a goodbye: WebSocket close 1000 or 1001, or `bye`.
   * Replaces the earlier will; with `add` only its messages on the same topics.
   */
  | { op: 'will'; id: number; messages: WillMessage[]; add?: boolean }
  /** Where this client is (paths such as `site/probe`), in place of what it said before; `info` replaces that of `hello`. */
  | { op: 'here'; id: number; at: string[]; info?: { [field: string]: Json } }
  /**
   * Who is at places that the filter selects; answered by `presence`. With `follow` true changes come as well, with
   * `follow` false they end.
   */
  | { op: 'presence'; id: number; filter: string; follow?: boolean }
  /** Goodbye: the cloud forgets the will and closes with 1000. */
  | { op: 'bye' }
  | { op: 'ping'; id: number };

export interface WillMessage {
  topic: string;
  data: Json;
  retain?: boolean;
}

/** A place in the order of a cloud's messages. Offsets of another epoch mean nothing. */
export interface Position {
  epoch: string;
  offset: number;
}

export interface CommandResult {
  /** Name of the status in host/link, e.g. `ok`, `i2c_nack`; or `unreachable`, `timeout`, `unknown` from the gateway. */
  status: string;
  data: number[];
  /** Milliseconds between the gateway's first write and the probe's ack. */
  linkMs?: number;
  /** What went wrong, in a sentence for the sender. */
  message?: string;
}

export type ServerMessage =
  | { op: 'welcome'; server: string; session: string; maxMessageBytes: number }
  /** The token expires in so many ms: `refresh`, or the connection is closed with 4002. */
  | { op: 'expiring'; inMs: number }
  /**
   * To `subscribe` with the place from which delivery is live and, when it had `since`, whether all that was published
   * after it has been delivered; otherwise the last values have.
   */
  | { op: 'ok'; id: number; position?: Position; recovered?: boolean }
  | { op: 'error'; id?: number; code: number; message: string }
  /** With `encoding` the payload is no JSON, and `data` has its bytes as base64. */
  | { op: 'message'; topic: string; offset: number; data: Json; retained?: true; encoding?: 'base64' }
  | { op: 'command'; call: string; probe: string; command: CommandObject; timeoutMs: number }
  | { op: 'reply'; id: number; result: CommandResult }
  /** In parts when there are many: all but the last have `more`. Beyond 1,000 clients it is `truncated`. */
  | { op: 'presence'; id: number; clients: PresentClient[]; more?: true; truncated?: true }
  /** What changed among the clients that are followed; `truncated` while there are more than 1,000. */
  | ({ op: 'changed'; filter: string; truncated?: true } & PresenceChanges)
  | { op: 'pong'; id: number };

/** Error numbers: 1xx the request is wrong, do not repeat it; 2xx try again later. */
export const errorCodes = {
  badMessage: 100,
  badTopic: 101,
  badFilter: 102,
  tooLarge: 103,
  tooMany: 104,
  unauthorized: 110,
  /** The token does not allow it. */
  forbidden: 111,
  noSuchProbe: 200,
  timeout: 201,
  overloaded: 202,
} as const;

/** Close codes: 4000-4099 do not reconnect, 4100-4199 reconnect with backoff. */
export const closeCodes = {
  /** By a client that means to end (RFC 6455, section 7.4.1). */
  goodbye: 1000,
  goingAway: 1001,
  badMessage: 4000,
  unauthorized: 4001,
  /** The token has expired: connect with another. */
  tokenExpired: 4002,
  slowConsumer: 4100,
  shuttingDown: 4101,
  keepalive: 4102,
  /** Messages may be missing: reconnect and resume. */
  gap: 4103,
} as const;
