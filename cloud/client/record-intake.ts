/** What comes in binary on a connection of `earl.v1`: messages by their topics' numbers, and what became of publishes. */

import { FieldProblem, type Json, RecordReader, recordFlags, recordKinds } from '../protocol/index.ts';

export interface RecordHandlers {
  onMessage(topic: string, data: Json, offset: number, retained: boolean): void;
  /** Every acknowledged publish up to this number was accepted, or refused for good before. */
  onAccepted(seq: number): void;
  /** @param seq 0 when it had none */
  onRefused(seq: number, code: number, message: string): void;
}

/** The server tells a topic again by then (docs/protocol.md, "Programs in a hurry"). */
const mostTopics = 100_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lives as long as one connection. */
export class RecordIntake {
  readonly #handlers: RecordHandlers;
  readonly #topics = new Map<number, string>();

  constructor(handlers: RecordHandlers) {
    this.#handlers = handlers;
  }

  /** Throws a `FieldProblem`; what came before the wrong record has been handed on. */
  receive(bytes: Uint8Array): void {
    const reader = new RecordReader(bytes);
    while (!reader.isAtEnd) this.#record(reader);
  }

  #record(reader: RecordReader): void {
    const head = reader.byte();
    switch (head & 0x0f) {
      case recordKinds.message:
        this.#message(head, reader);
        return;
      case recordKinds.topic:
        this.#tell(reader.number(), reader.text());
        return;
      case recordKinds.accepted:
        this.#handlers.onAccepted(reader.number());
        return;
      case recordKinds.refused:
        this.#handlers.onRefused(reader.number(), reader.number(), reader.text());
        return;
      default:
        throw new FieldProblem(`there is no record of kind ${head & 0x0f}`);
    }
  }

  #message(head: number, reader: RecordReader): void {
    const number = reader.number();
    const offset = reader.number();
    const payload = reader.payload();
    const topic = this.#topics.get(number);
    if (topic === undefined) throw new FieldProblem(`no topic has the number ${number}`);
    this.#handlers.onMessage(topic, jsonOf(payload), offset, (head & recordFlags.retain) !== 0);
  }

  #tell(number: number, topic: string): void {
    this.#topics.delete(number);
    this.#topics.set(number, topic);
    if (this.#topics.size > mostTopics) this.#topics.delete(this.#topics.keys().next().value!);
  }
}

/** A payload as JSON; one that is none as a string of base64, as `earl.v1.json` has it. */
function jsonOf(payload: Uint8Array): Json {
  if (payload.length === 0) return null;
  try {
    return JSON.parse(utf8.decode(payload)) as Json;
  } catch {
    return base64(payload);
  }
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
