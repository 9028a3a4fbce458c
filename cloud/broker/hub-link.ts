/**
 * One connection between the hub and a worker, as both ends have it: records in, records out, one write for what a turn of
 * the event loop produced. What is written while the other end does not read waits in the writer; how much that may be,
 * and what happens then, each end decides.
 */

import type { Socket } from 'node:net';
import { errorMessage } from '../../errors/index.ts';
import { type Fields, RecordReader, RecordWriter } from './hub-records.ts';

export interface LinkEvents {
  onRecord(record: Fields): void;
  /** The other end sent what is no record, or `onRecord` threw; the connection is cut off. */
  onWrong(problem: string): void;
  onClosed(): void;
  /** What was written is about to go. */
  beforeFlush?(): void;
  /** Everything that was written has been handed over, and the other end takes more. */
  onTaken?(): void;
}

export class HubLink {
  readonly writer = new RecordWriter();
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  #scheduled = false;

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
    const reader = new RecordReader((record) => events.onRecord(record));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.take(chunk);
      } catch (error) {
        events.onWrong(errorMessage(error));
        socket.destroy();
      }
    });
    socket.on('drain', () => this.flush());
    // What follows it, `close`, is what matters.
    socket.on('error', () => {});
    socket.once('close', () => events.onClosed());
  }

  /** Bytes that the other end has not taken. */
  get waitingBytes(): number {
    return this.writer.bytes + this.#socket.writableLength;
  }

  /** Whether the other end has not taken what was sent, so that it is worth to ask how much waits. */
  get isStalled(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Sends what is written at the end of this turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#scheduled = false;
    this.#events.beforeFlush?.();
    if (this.isStalled || this.#socket.destroyed) return;
    this.#write();
    if (!this.isStalled) this.#events.onTaken?.();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends what is written and ends; resolves when the connection is gone. */
  async end(): Promise<void> {
    if (this.#socket.destroyed) return;
    this.#events.beforeFlush?.();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#write();
    // Nothing that comes is of interest any more.
    this.#socket.end(() => this.#socket.destroy());
    await closed;
  }

  #write(): void {
    const chunks = this.writer.take();
    if (chunks.length > 1) this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    if (chunks.length > 1) this.#socket.uncork();
  }
}
