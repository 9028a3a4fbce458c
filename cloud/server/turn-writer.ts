/**
 * Writes what one socket is sent during a turn of the event loop at once, at the end of the turn.
 *
 * A client that hears many probes gets their messages of one turn in one system call, without any delay that a timer
 * would add; one that gets a single message loses nothing. All sockets share one callback per turn.
 */

/** The part of a `net.Socket` that is needed. */
export interface ByteSink {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(bytes: Buffer, written?: (error?: Error | null) => void): boolean;
  cork(): void;
  uncork(): void;
}

/** Beyond, frames are handed to the kernel one after the other rather than copied together. */
const mostCopiedBytes = 16 * 1024;

let dirty: TurnWriter[] = [];

function flushAll(): void {
  const writers = dirty;
  dirty = [];
  for (const writer of writers) writer.flush();
}

export class TurnWriter {
  readonly #sink: ByteSink;
  /** The first frame of the turn, and those that follow it: most turns have one for most sockets. */
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #bytes = 0;
  #written: ((error?: Error | null) => void) | undefined;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Bytes that the kernel has not taken. */
  get bufferedAmount(): number {
    return this.#sink.writableLength + this.#bytes;
  }

  /** @param written called when the kernel has taken this frame; at most one is waited for at a time */
  write(frame: Buffer, written?: (error?: Error | null) => void): void {
    if (this.#first === undefined) {
      if (dirty.length === 0) setImmediate(flushAll);
      dirty.push(this);
      this.#first = frame;
    } else if (this.#more === undefined) this.#more = [this.#first, frame];
    else this.#more.push(frame);
    this.#bytes += frame.length;
    if (written) this.#written = written;
  }

  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const frames = this.#more;
    const written = this.#written;
    this.#first = undefined;
    this.#more = undefined;
    this.#written = undefined;
    const bytes = this.#bytes;
    this.#bytes = 0;
    const sink = this.#sink;
    if (sink.destroyed) return;
    if (frames === undefined) sink.write(first, written);
    else if (bytes <= mostCopiedBytes) sink.write(Buffer.concat(frames, bytes), written);
    else {
      sink.cork();
      for (let index = 0; index < frames.length - 1; index++) sink.write(frames[index]!);
      sink.write(frames.at(-1)!, written);
      sink.uncork();
    }
  }
}
