/**
 * The air's own time, in whole microseconds, and what is to happen when.
 *
 * Everything on an air happens in the order of this time, whatever the machine's timers do: a timer that comes a
 * millisecond late finds several things due and runs each at its exact microsecond. One machine timer serves all.
 * A process that stood still longer than `MAX_LAG_US` does not catch up: the air stood still with it.
 */
import type { Timers } from './timers.ts';

/** Something that will happen; keep it to cancel it. */
export interface Appointment {
  readonly atUs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** A halt longer than this is given up instead of caught up. */
const MAX_LAG_US = 1_000_000;
/** So many things in a turn of the event loop at most, so that hosts in this process get theirs. */
const MAX_PER_TURN = 500;
/** Machine timers are no finer, and a timer for each microsecond of 40 connections would cost more than the radio. */
const TICK_MS = 1;

export class Schedule {
  /** The microsecond that is being lived; never runs backwards. */
  nowUs = 0;
  private readonly timers: Timers;
  private readonly heap: Appointment[] = [];
  private originMs: number;
  private order = 0;
  private armedAtUs = Number.POSITIVE_INFINITY;
  private cancelTimer: (() => void) | undefined;
  private running = false;

  constructor(timers: Timers) {
    this.timers = timers;
    this.originMs = timers.now();
  }

  /** Runs `run` at that microsecond, or as soon as possible when it is past. */
  at(us: number, run: () => void): Appointment {
    const appointment = { atUs: Math.max(this.nowUs, Math.round(us)), order: this.order++, run };
    this.push(appointment);
    if (!this.running) this.arm();
    return appointment;
  }

  /** Runs `run` now by the machine's clock, but never from within this call. */
  soon(run: () => void): Appointment {
    return this.at(Math.max(this.nowUs, this.machineUs()), run);
  }

  cancel(appointment: Appointment | undefined): void {
    if (appointment !== undefined) appointment.run = undefined;
  }

  /** Forgets everything and lets go of the machine's timer. */
  stop(): void {
    this.heap.length = 0;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.armedAtUs = Number.POSITIVE_INFINITY;
  }

  private machineUs(): number {
    return Math.floor((this.timers.now() - this.originMs) * 1000);
  }

  private turn(): void {
    this.cancelTimer = undefined;
    this.armedAtUs = Number.POSITIVE_INFINITY;
    const lagUs = this.machineUs() - (this.heap[0]?.atUs ?? this.nowUs);
    if (lagUs > MAX_LAG_US) this.originMs += lagUs / 1000;
    const untilUs = this.machineUs();
    this.running = true;
    try {
      for (let count = 0; count < MAX_PER_TURN; count++) {
        const next = this.heap[0];
        if (next === undefined || next.atUs > untilUs) break;
        this.pop();
        if (next.run === undefined) continue;
        this.nowUs = next.atUs;
        next.run();
      }
    } finally {
      this.running = false;
      this.arm();
    }
  }

  private arm(): void {
    while (this.heap.length > 0 && this.heap[0]!.run === undefined) this.pop();
    const next = this.heap[0];
    if (next === undefined || next.atUs >= this.armedAtUs) return;
    this.cancelTimer?.();
    this.armedAtUs = next.atUs;
    const delayMs = (next.atUs - (this.timers.now() - this.originMs) * 1000) / 1000;
    this.cancelTimer = this.timers.after(delayMs <= 0 ? 0 : Math.max(TICK_MS, delayMs), () => this.turn());
  }

  private push(appointment: Appointment): void {
    const { heap } = this;
    let index = heap.push(appointment) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(appointment, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = appointment;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
