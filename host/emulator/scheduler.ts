/**
 * Time of an emulated board: an integer count of DCO cycles and a queue of what happens when.
 *
 * Everything with a future edge (timers, UART bits, I2C bits, conversions, LEDs, a scripted world) schedules it here.
 * A sleeping CPU costs nothing: the board jumps from event to event. When the DCO changes speed (`setFrequency`) the
 * delays of waiting events are rescaled, so that what was due in 2 ms is still due in 2 ms. Browser-safe; no wall clock.
 */

/** A callback waiting in the queue. */
export interface ScheduledEvent {
  /** Absolute time in cycles. */
  at: number;
  readonly run: () => void;
  /** Order among events of the same cycle: first scheduled, first run. */
  readonly order: number;
  /** Place in the heap, -1 when not waiting. */
  index: number;
}

export class Scheduler {
  /** Current time in DCO cycles since power-on. The CPU advances it; nobody turns it back. */
  now = 0;
  /** Time of the next event, Infinity when there is none. The CPU runs up to it without asking. */
  nextAt = Number.POSITIVE_INFINITY;

  private readonly heap: ScheduledEvent[] = [];
  private order = 0;
  private hz: number;
  private segmentStart = 0;
  private segmentSeconds = 0;

  /** @param frequencyHz DCO frequency at power-on */
  constructor(frequencyHz: number) {
    this.hz = frequencyHz;
  }

  get frequencyHz(): number {
    return this.hz;
  }

  /** Seconds since power-on at a time in cycles (of this or a later moment at today's frequency). */
  seconds(at = this.now): number {
    return this.segmentSeconds + (at - this.segmentStart) / this.hz;
  }

  /** Cycles, rounded, that `seconds` take at today's frequency. */
  cycles(seconds: number): number {
    return Math.round(seconds * this.hz);
  }

  /** The DCO changes speed now: later cycles are longer or shorter, waiting events keep their time in seconds. */
  setFrequency(frequencyHz: number): void {
    if (frequencyHz === this.hz) return;
    this.segmentSeconds = this.seconds();
    this.segmentStart = this.now;
    const factor = frequencyHz / this.hz;
    this.hz = frequencyHz;
    // Rescaling is monotonic, so the heap keeps its shape.
    for (const event of this.heap) event.at = this.now + Math.round((event.at - this.now) * factor);
    this.nextAt = this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Runs `run` at an absolute time; a time in the past means: before anything else happens. */
  schedule(at: number, run: () => void): ScheduledEvent {
    const event: ScheduledEvent = { at: Math.max(at, this.now), run, order: this.order++, index: this.heap.length };
    this.heap.push(event);
    this.siftUp(event.index);
    this.nextAt = this.heap[0]!.at;
    return event;
  }

  /** Runs `run` after a delay in cycles. */
  after(cycles: number, run: () => void): ScheduledEvent {
    return this.schedule(this.now + cycles, run);
  }

  /** Forgets an event; one that ran or was cancelled already is ignored. */
  cancel(event: ScheduledEvent | undefined): void {
    if (event === undefined || event.index < 0) return;
    const index = event.index;
    event.index = -1;
    const last = this.heap.pop()!;
    if (last !== event) {
      this.heap[index] = last;
      last.index = index;
      this.siftUp(index);
      this.siftDown(last.index);
    }
    this.nextAt = this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Moves time forward and runs on the way every event that falls due, each at its own time. */
  advanceTo(at: number): void {
    while (this.nextAt <= at) {
      const event = this.heap[0]!;
      this.cancel(event);
      if (event.at > this.now) this.now = event.at;
      event.run();
    }
    if (at > this.now) this.now = at;
  }

  /** Runs, in order, every event that is due at `now`, those that they add for `now` included. */
  runDue(): void {
    while (this.nextAt <= this.now) {
      const event = this.heap[0]!;
      this.cancel(event);
      event.run();
    }
  }

  private before(a: ScheduledEvent, b: ScheduledEvent): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  private siftUp(start: number): void {
    let index = start;
    const event = this.heap[index]!;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.heap[parentIndex]!;
      if (!this.before(event, parent)) break;
      this.heap[index] = parent;
      parent.index = index;
      index = parentIndex;
    }
    this.heap[index] = event;
    event.index = index;
  }

  private siftDown(start: number): void {
    let index = start;
    const event = this.heap[index]!;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= this.heap.length) break;
      const right = this.heap[childIndex + 1];
      if (right !== undefined && this.before(right, this.heap[childIndex]!)) childIndex++;
      const child = this.heap[childIndex]!;
      if (!this.before(child, event)) break;
      this.heap[index] = child;
      child.index = index;
      index = childIndex;
    }
    this.heap[index] = event;
    event.index = index;
  }
}
