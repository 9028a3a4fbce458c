/**
 * What waits to be sent to one client, bounded in bytes.
 *
 * Frames go straight to the socket (`goesStraight`, before there is need of an outbox) until it has taken `highWaterBytes` that the kernel has not; then they wait here and
 * follow as it drains. Live messages beyond `queueBytes` mean that the client is too slow: `onOverflow` is called once
 * and nothing is sent any more. Retained values are left out of the byte count, since the server holds them anyway and
 * a subscription to thousands of them is no fault of the client; their number is bounded instead.
 *
 * All queues of a server together are bounded as well (`QueueBudget`): beyond, each that is longer than a slow moment
 * explains overflows with its next message, so that memory stays flat however many clients do not read.
 */

/** Where whole frames go (turn-writer.ts). */
export interface FrameSink {
  readonly bufferedAmount: number;
  write(frame: Buffer, written?: (error?: Error | null) => void): void;
}

export interface OutboxLimits {
  readonly queueBytes: number;
  readonly queuedRetained: number;
}

interface Waiting {
  readonly frame: Buffer;
  readonly retained: boolean;
}

const highWaterBytes = 64 * 1024;
/** What may wait for a client in any case. */
const sparedBytes = 64 * 1024;

/** Whether a socket takes a frame that nothing waits before. */
export function goesStraight(sink: FrameSink, frame: Buffer): boolean {
  return sink.bufferedAmount + frame.length <= highWaterBytes;
}

/** What the queues of a server hold together; a frame that waits for several clients counts for each. */
export class QueueBudget {
  readonly mostBytes: number;
  bytes = 0;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }
}

export class Outbox {
  readonly #sink: FrameSink;
  readonly #limits: OutboxLimits;
  readonly #onOverflow: () => void;
  readonly #budget: QueueBudget;
  #queue: Waiting[] = [];
  #next = 0;
  #liveBytes = 0;
  #retainedFrames = 0;
  #draining = false;
  #stopped = false;
  /** Who waits for the end of what waits here. */
  #onDrained: (() => void)[] = [];

  constructor(
    sink: FrameSink,
    limits: OutboxLimits,
    onOverflow: () => void,
    budget = new QueueBudget(Number.POSITIVE_INFINITY),
  ) {
    this.#sink = sink;
    this.#limits = limits;
    this.#onOverflow = onOverflow;
    this.#budget = budget;
  }

  /** Bytes that the client has not taken; last values that wait here are left out. */
  get waitingBytes(): number {
    return this.#stopped ? 0 : this.#liveBytes + this.#sink.bufferedAmount;
  }

  push(frame: Buffer, retained: boolean): void {
    if (this.#stopped) return;
    if (!this.#draining) {
      this.#write(frame);
      return;
    }
    this.#queue.push({ frame, retained });
    if (retained) this.#retainedFrames += 1;
    else this.#count(frame.length);
    if (this.#isTooLong || this.#retainedFrames > this.#limits.queuedRetained) {
      this.stop();
      this.#onOverflow();
    }
  }

  /** Undefined when nothing waits; else resolves when nothing does, or nothing is sent any more. */
  drained(): Promise<void> | undefined {
    if (!this.#draining || this.#stopped) return undefined;
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  /** Drops what waits and sends nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#count(-this.#liveBytes);
    this.#tellDrained();
  }

  #tellDrained(): void {
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }

  get #isTooLong(): boolean {
    if (this.#liveBytes > this.#limits.queueBytes) return true;
    return this.#budget.bytes > this.#budget.mostBytes && this.#liveBytes > sparedBytes;
  }

  #count(bytes: number): void {
    this.#liveBytes += bytes;
    this.#budget.bytes += bytes;
  }

  #write(frame: Buffer): void {
    if (goesStraight(this.#sink, frame)) {
      this.#sink.write(frame);
      return;
    }
    this.#draining = true;
    this.#sink.write(frame, (error) => {
      this.#draining = false;
      if (!error) this.#drain();
      if (!this.#draining) this.#tellDrained();
    });
  }

  #drain(): void {
    while (!this.#draining && this.#next < this.#queue.length) {
      const { frame, retained } = this.#queue[this.#next++]!;
      if (retained) this.#retainedFrames -= 1;
      else this.#count(-frame.length);
      this.#write(frame);
    }
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    } else if (this.#next > 1024) {
      this.#queue.splice(0, this.#next);
      this.#next = 0;
    }
  }
}
