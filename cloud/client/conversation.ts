/**
 * What is said on a client's connections: requests and their answers, in whichever of the two subprotocols the server
 * knows. A `Link` comes and goes beneath; what the messages mean is the business of the parts above.
 */

import { EarlError } from '../../errors/index.ts';
import {
  type ClientMessage,
  type Json,
  limits,
  type PresentClient,
  type ServerMessage,
  SUBPROTOCOL_BINARY,
  SUBPROTOCOL_JSON,
} from '../protocol/index.ts';
import type { CloudClientOptions } from './client.ts';
import { type FinalEnd, Link, type LinkOptions } from './link.ts';
import { JsonWriter, type PublishWriter, RecordWriter } from './publish-writers.ts';
import type { PublishPath } from './publisher.ts';
import { RecordIntake } from './record-intake.ts';
import { type Answer, Requests, serverError } from './requests.ts';
import { socketClass, socketUrl } from './socket.ts';
import type { Wire } from './wire.ts';

export interface ConversationHandlers {
  readonly hello: LinkOptions['hello'];
  /** A connection begins: what is said first leaves first. */
  onUp(path: PublishPath): void;
  /** It has ended; with `final` there will be no other. Requests have been rejected with the error. */
  onDown(error: EarlError, reason: string, final: boolean): void;
  onMessage(topic: string, data: Json, offset: number, retained: boolean): void;
  /** An acknowledged publish was accepted; with `upTo` all up to it. */
  onAccepted(seq: number, upTo: boolean): void;
  /** A publish was refused. `seq` is 0 when it had none. */
  onRefused(seq: number, code: number, message: string): void;
  onCommand(message: Extract<ServerMessage, { op: 'command' }>): void;
  /** Who is present has changed. */
  onChanged(message: Extract<ServerMessage, { op: 'changed' }>): void;
  onExpiring(inMs: number): void;
  onTokenRefused(isWrong: boolean): void;
  /** A message is about to leave: what was published before it should leave before it. */
  beforeSaying(): void;
  onError(error: unknown): void;
}

const standard = { backoffMs: { first: 250, longest: 5_000 }, keepaliveMs: 15_000, pongMs: 8_000 } as const;

const endCodes: Record<FinalEnd, string> = {
  closed: 'CLOUD_CLOSED',
  unauthorized: 'CLOUD_UNAUTHORIZED',
  refused: 'CLOUD_REFUSED',
};

export class Conversation implements Wire {
  readonly #handlers: ConversationHandlers;
  readonly #link: Link;
  readonly #requests = new Requests();
  /** Of JSON publishes on their way: their numbers by the ids of their requests. */
  readonly #publishing = new Map<number, number>();
  /** Clients of answers about presence of which more parts are to come, by the ids of their requests. */
  readonly #parts = new Map<number, PresentClient[]>();
  #records: RecordIntake;
  #subprotocol: string | undefined;
  #mostMessageBytes: number = limits.messageBytes;
  #ended: EarlError | undefined;

  /** Throws `CLOUD_BAD_URL` or `CLOUD_NO_WEBSOCKET`. */
  constructor(options: CloudClientOptions, handlers: ConversationHandlers) {
    this.#handlers = handlers;
    this.#records = this.#newRecords();
    this.#link = new Link(linkOptions(options, handlers.hello), {
      onUp: ({ maxMessageBytes }, subprotocol) => this.#up(maxMessageBytes, subprotocol),
      onDown: (reason, final) => this.#down(reason, final),
      onMessage: (message) => this.#receive(message),
      onBinary: (bytes) => this.#records.receive(bytes),
      onSilence: () => void this.request((id) => ({ op: 'ping', id })).catch(() => {}),
      onTokenRefused: (isWrong) => handlers.onTokenRefused(isWrong),
    });
  }

  start(): void {
    this.#link.start();
  }

  async stop(reason: string): Promise<void> {
    await this.#link.stop(reason);
  }

  get connected(): boolean {
    return this.#link.isUp;
  }

  get subprotocol(): string | undefined {
    return this.connected ? this.#subprotocol : undefined;
  }

  /** The longest message that the server takes. */
  get mostMessageBytes(): number {
    return this.#mostMessageBytes;
  }

  /** Throws why there is no connection. */
  mustBeConnected(): void {
    this.mustNotHaveEnded();
    if (!this.connected) throw new EarlError('CLOUD_DISCONNECTED', 'the cloud is not connected: try again later');
  }

  /** Throws why there will be none. */
  mustNotHaveEnded(): void {
    if (this.#ended) throw this.#ended;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  request(build: (id: number) => ClientMessage, deadline?: { ms: number; error: EarlError }): Promise<Answer> {
    const { id, answer } = this.#requests.ask((id) => this.send(build(id)));
    if (deadline === undefined) return answer;
    const timer = setTimeout(() => this.#requests.reject(id, deadline.error), deadline.ms);
    return answer.finally(() => clearTimeout(timer));
  }

  /** Sends a message, if the server would take it. Throws `CLOUD_TOO_LARGE`. */
  send(message: ClientMessage): void {
    const text = JSON.stringify(message);
    const most = this.#mostMessageBytes;
    // A UTF-16 code unit becomes at most three bytes of UTF-8.
    if (text.length * 3 > most && new TextEncoder().encode(text).length > most) {
      throw new EarlError('CLOUD_TOO_LARGE', `the message is longer than the ${most} bytes that the cloud takes`);
    }
    this.#handlers.beforeSaying();
    this.#link.send(text);
  }

  isPassing(error: EarlError): boolean {
    if (error.code === 'CLOUD_OVERLOADED') this.#link.abandon('the cloud is overloaded');
    return error.code === 'CLOUD_OVERLOADED' || error.code === 'CLOUD_DISCONNECTED';
  }

  onError(error: unknown): void {
    this.#handlers.onError(error);
  }

  #up(mostMessageBytes: number, subprotocol: string): void {
    this.#mostMessageBytes = mostMessageBytes;
    this.#subprotocol = subprotocol || SUBPROTOCOL_JSON;
    this.#records = this.#newRecords();
    this.#publishing.clear();
    this.#parts.clear();
    const bufferedAmount = () => this.#link.bufferedAmount;
    this.#handlers.onUp({ writer: this.#newWriter(), bufferedAmount, mostMessageBytes });
  }

  #down(reason: string, final?: FinalEnd): void {
    if (this.#ended) return;
    if (final) this.#ended = new EarlError(endCodes[final], `the connection to the cloud has ended: ${reason}`);
    const error = this.#ended ?? new EarlError('CLOUD_DISCONNECTED', `the cloud is not connected: ${reason}`);
    this.#requests.rejectAll(error);
    this.#handlers.onDown(error, reason, final !== undefined);
  }

  #newWriter(): PublishWriter {
    if (this.#subprotocol === SUBPROTOCOL_BINARY) {
      return new RecordWriter((frame) => this.#link.send(frame), this.#mostMessageBytes);
    }
    return new JsonWriter(
      (text) => this.#link.send(text),
      (seq) => {
        const id = this.#requests.newId();
        this.#publishing.set(id, seq);
        return id;
      },
    );
  }

  #newRecords(): RecordIntake {
    const handlers = this.#handlers;
    return new RecordIntake({
      onMessage: (...message) => handlers.onMessage(...message),
      onAccepted: (seq) => {
        this.#link.answered();
        handlers.onAccepted(seq, true);
      },
      onRefused: (...refused) => {
        this.#link.answered();
        handlers.onRefused(...refused);
      },
    });
  }

  #receive(message: ServerMessage): void {
    switch (message.op) {
      case 'message':
        this.#handlers.onMessage(message.topic, message.data, message.offset, message.retained === true);
        return;
      case 'ok': {
        const seq = this.#published(message.id);
        if (seq === undefined) this.#requests.settle(message);
        else this.#handlers.onAccepted(seq, false);
        return;
      }
      case 'pong':
      case 'reply':
        this.#requests.settle(message);
        return;
      case 'error':
        this.#fail(message);
        return;
      case 'command':
        this.#handlers.onCommand(message);
        return;
      case 'expiring':
        this.#handlers.onExpiring(message.inMs);
        return;
      case 'presence':
        this.#gather(message);
        return;
      case 'changed':
        this.#handlers.onChanged(message);
        return;
      case 'welcome':
        return;
      default:
        message satisfies never;
    }
  }

  #gather({ more, ...message }: Extract<ServerMessage, { op: 'presence' }>): void {
    const clients = [...(this.#parts.get(message.id) ?? []), ...message.clients];
    this.#parts.delete(message.id);
    if (more) this.#parts.set(message.id, clients);
    else this.#requests.settle({ ...message, clients });
  }

  #fail({ id, code, message }: Extract<ServerMessage, { op: 'error' }>): void {
    const seq = id === undefined ? 0 : this.#published(id);
    if (seq === undefined) this.#requests.reject(id!, serverError(code, message));
    else this.#handlers.onRefused(seq, code, message);
  }

  /** The number of the publish that a request was. */
  #published(id: number): number | undefined {
    const seq = this.#publishing.get(id);
    this.#publishing.delete(id);
    return seq;
  }
}

function linkOptions(options: CloudClientOptions, hello: LinkOptions['hello']): LinkOptions {
  const { keepaliveMs = standard.keepaliveMs } = options;
  return {
    url: socketUrl(options.url),
    Socket: socketClass(options.WebSocket),
    subprotocols: options.protocol === 'json' ? [SUBPROTOCOL_JSON] : [SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON],
    hello,
    renewsToken: typeof options.token === 'function',
    backoffMs: options.backoffMs ?? standard.backoffMs,
    keepaliveMs,
    pongMs: options.pongMs ?? Math.min(standard.pongMs, keepaliveMs),
  };
}
