/**
 * Runs a board in a page: at a multiple of real time, as fast as it goes, or an instruction at a time.
 *
 * Real time is the emulator's own Pacer. `max` runs in slices of a few milliseconds, so that the page answers between
 * them. Nothing here compiles code or touches the DOM.
 */

import { type Board, Pacer, type Timers } from '../../../host/emulator/index.ts';

/** Board seconds per second, or as many as go. */
export type Speed = number | 'max';

export interface RunnerEvents {
  /** The board's code threw: it stands still for good. */
  onError(error: unknown): void;
}

/** What the board did lately, per second of the wall clock. */
export interface Rates {
  /** Board seconds per second. */
  readonly realtimeFactor: number;
  /** Million instructions per second. */
  readonly mips: number;
}

const SLICE_MS = 8;
const SHORTEST_SLICE_S = 1e-5;
const LONGEST_SLICE_S = 1;
/** Rates are taken over at least this long. */
const WINDOW_MS = 800;

interface Mark {
  readonly wallMs: number;
  readonly seconds: number;
  readonly instructions: number;
}

export class Runner {
  private readonly board: Board;
  private readonly timers: Timers;
  private readonly events: RunnerEvents;
  private pacer: Pacer | undefined;
  private cancelSlice: (() => void) | undefined;
  private sliceSeconds = 1e-3;
  private chosen: Speed = 1;
  private isRunning = false;
  private marks: Mark[] = [];

  constructor(board: Board, timers: Timers, events: RunnerEvents) {
    this.board = board;
    this.timers = timers;
    this.events = events;
  }

  get running(): boolean {
    return this.isRunning;
  }

  get speed(): Speed {
    return this.chosen;
  }

  set speed(speed: Speed) {
    if (speed === this.chosen) return;
    const { running } = this;
    this.pause();
    this.chosen = speed;
    if (running) this.run();
  }

  run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.marks = [];
    if (this.chosen === 'max') {
      this.cancelSlice = this.timers.after(0, () => this.slice());
      return;
    }
    this.pacer = new Pacer(this.board, this.timers, { speed: this.chosen, onError: (error) => this.fail(error) });
    this.pacer.start();
  }

  pause(): void {
    this.isRunning = false;
    this.pacer?.stop();
    this.pacer = undefined;
    this.cancelSlice?.();
    this.cancelSlice = undefined;
  }

  /** Pauses, and executes one instruction; a CPU that sleeps goes to the next event. */
  step(): void {
    this.pause();
    try {
      this.board.mcu.step();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Something from outside waits for the board. */
  kick(): void {
    this.pacer?.kick();
  }

  /** Rates up to now; undefined while paused and until enough time went by. */
  rates(): Rates | undefined {
    if (!this.isRunning) return undefined;
    const now: Mark = {
      wallMs: this.timers.now(),
      seconds: this.board.seconds,
      instructions: this.board.mcu.instructions,
    };
    this.marks.push(now);
    while (this.marks.length > 2 && now.wallMs - this.marks[1]!.wallMs >= WINDOW_MS) this.marks.shift();
    const first = this.marks[0]!;
    const wallSeconds = (now.wallMs - first.wallMs) / 1000;
    if (wallSeconds < WINDOW_MS / 2000) return undefined;
    return {
      realtimeFactor: (now.seconds - first.seconds) / wallSeconds,
      mips: (now.instructions - first.instructions) / wallSeconds / 1e6,
    };
  }

  private slice(): void {
    const start = this.timers.now();
    try {
      this.board.runFor(this.sliceSeconds);
    } catch (error) {
      this.fail(error);
      return;
    }
    const tookMs = Math.max(0.05, this.timers.now() - start);
    const next = this.sliceSeconds * Math.min(2, Math.max(0.25, SLICE_MS / tookMs));
    this.sliceSeconds = Math.min(LONGEST_SLICE_S, Math.max(SHORTEST_SLICE_S, next));
    this.cancelSlice = this.timers.after(0, () => this.slice());
  }

  private fail(error: unknown): void {
    this.pause();
    this.events.onError(error);
  }
}
