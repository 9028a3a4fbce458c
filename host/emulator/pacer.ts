/**
 * Lets a board run in real time: as far as the wall clock is, then asleep until the board's next event.
 *
 * The clock and its timers are passed in, so that a page, Node and a test with a virtual clock use the same code. It
 * never spins: a sleeping CPU costs one timer per event of the board, a busy one runs in slices. After a stall it
 * catches up slice by slice, and reports how far behind it was; time beyond `maxLagMs` is given up.
 */

/** The wall clock of where this runs. */
export interface Timers {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Runs `run` after `ms` or a little later; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** What is paced: a Board has this shape. */
export interface Paced {
  readonly seconds: number;
  runFor(seconds: number): void;
  readonly mcu: {
    /** Nothing but the scheduler's next event will change it. */
    readonly idle: boolean;
    readonly scheduler: { readonly nextAt: number; seconds(at: number): number };
  };
}

export interface PacerOptions {
  /** Board seconds per wall second. Default 1. */
  readonly speed?: number;
  /** Lag beyond which time is given up instead of caught up. Default 2000. */
  readonly maxLagMs?: number;
  /** Called after each slice, e.g. to hand on what the board sent. */
  readonly onSlice?: () => void;
  /** The board was this far behind, and how much of that it will never make good. */
  readonly onLag?: (lagMs: number, givenUpMs: number) => void;
  /** The board's code threw; the pacer has stopped. */
  readonly onError?: (error: unknown) => void;
}

/** Most board time that one slice simulates, so that the event loop breathes. */
const SLICE_S = 0.06;
/** A busy CPU, or an event that is due at once, is looked after this often. */
const BUSY_INTERVAL_MS = 2;
/** Longest sleep, so that a change from outside (a button) never waits longer even without a kick. */
const MAX_SLEEP_MS = 50;
/** Being this late is normal for timers and not worth a report. */
const REPORTED_LAG_MS = 250;

/** Keeps a board in step with the wall clock. */
export class Pacer {
  private readonly board: Paced;
  private readonly timers: Timers;
  private readonly options: PacerOptions;
  private readonly speed: number;
  private wallStart = 0;
  private boardStart = 0;
  private cancelTimer: (() => void) | undefined;
  private active = false;
  private turning = false;
  private kicked = false;
  private behindMs = 0;
  private worstMs = 0;

  constructor(board: Paced, timers: Timers, options: PacerOptions = {}) {
    this.board = board;
    this.timers = timers;
    this.options = options;
    this.speed = options.speed ?? 1;
  }

  /** How far the board is behind the wall clock, in wall milliseconds. */
  get lagMs(): number {
    return this.behindMs;
  }

  /** Runs from now on; the board's time goes on where it is. */
  start(): void {
    if (this.active) return;
    this.active = true;
    this.rebase();
    this.sleep(0);
  }

  /** Stands still until `start`. */
  stop(): void {
    this.active = false;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
  }

  /** Something from outside waits for the board: run soon. */
  kick(): void {
    if (!this.active) return;
    // From inside a turn, whose own plan for the next one would replace this one.
    if (this.turning) this.kicked = true;
    else this.sleep(0);
  }

  /** Runs the board as far as the wall clock is, or one slice; then plans the next time. */
  private turn(): void {
    const due = this.dueSeconds() - this.board.seconds;
    this.turning = true;
    this.kicked = false;
    try {
      if (due > 0) this.board.runFor(Math.min(due, SLICE_S * this.speed));
      this.options.onSlice?.();
    } catch (error) {
      this.stop();
      if (this.options.onError === undefined) throw error;
      this.options.onError(error);
      return;
    } finally {
      this.turning = false;
    }
    if (!this.active) return;
    this.watchLag();
    this.sleep(this.kicked ? 0 : this.sleepMs());
  }

  private dueSeconds(): number {
    return this.boardStart + ((this.timers.now() - this.wallStart) / 1000) * this.speed;
  }

  /** One report a stall, when it is over: how far it went, and what was given up. */
  private watchLag(): void {
    this.behindMs = Math.max(0, ((this.dueSeconds() - this.board.seconds) / this.speed) * 1000);
    this.worstMs = Math.max(this.worstMs, this.behindMs);
    let givenUpMs = 0;
    if (this.behindMs > (this.options.maxLagMs ?? 2000)) {
      givenUpMs = this.behindMs;
      this.rebase();
    }
    if (this.behindMs > BUSY_INTERVAL_MS) return;
    if (this.worstMs > REPORTED_LAG_MS) this.options.onLag?.(this.worstMs, givenUpMs);
    this.worstMs = 0;
  }

  private rebase(): void {
    this.wallStart = this.timers.now();
    this.boardStart = this.board.seconds;
    this.behindMs = 0;
  }

  private sleepMs(): number {
    const { scheduler, idle } = this.board.mcu;
    const ahead = ((this.board.seconds - this.dueSeconds()) / this.speed) * 1000;
    if (ahead < 0 && this.behindMs > BUSY_INTERVAL_MS) return 0;
    if (!idle) return BUSY_INTERVAL_MS;
    const untilEvent = ((scheduler.seconds(scheduler.nextAt) - this.dueSeconds()) / this.speed) * 1000;
    return Math.min(MAX_SLEEP_MS, Math.max(BUSY_INTERVAL_MS / 2, untilEvent));
  }

  private sleep(ms: number): void {
    this.cancelTimer?.();
    this.cancelTimer = this.timers.after(ms, () => {
      this.cancelTimer = undefined;
      this.turn();
    });
  }
}
