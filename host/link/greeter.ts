/**
 * Asks a probe for its hello: until it answers, again when it has been silent for too long, ever more rarely while it
 * stays silent. What an answer is, and what silence means, is the session's business.
 */

import type { Clock } from './clock.ts';

export interface GreeterOptions {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Sends a hello_request. */
  readonly ask: () => void;
  /**
   * False while asking would do harm. A probe that restarted unnoticed would take the question for a greeting, and
   * execute the repetition of a command that it executed before.
   */
  readonly mayAsk: () => boolean;
  /** `PATIENCE` questions went unanswered; called once, until something is heard. */
  readonly onSilence: () => void;
  /** How long a probe that answered may be silent before it is asked again. */
  readonly quietAfterMs: () => number;
}

const FIRST_PAUSE_MS = 500;
/** Between two questions beside the plan. */
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** Questions without an answer before the probe counts as quiet. */
const PATIENCE = 3;

export class Greeter {
  /** Questions so far. */
  asked = 0;

  private readonly options: GreeterOptions;
  private unanswered = 0;
  private lastMs = 0;
  private lastAskedMs = Number.NEGATIVE_INFINITY;
  private cancelTimer: () => void = () => {};
  private cancelSoon: (() => void) | undefined;
  private watching = false;

  constructor(options: GreeterOptions) {
    this.options = options;
  }

  /** Asks now and until `heard`. */
  start(): void {
    this.stop();
    this.unanswered = 0;
    this.question();
  }

  /** Neither asks nor watches any more. */
  stop(): void {
    this.cancelTimer();
    this.cancelSoon?.();
    this.cancelSoon = undefined;
    this.watching = false;
  }

  /** The probe is there: watches that it stays so. */
  heard(): void {
    this.lastMs = this.options.clock.nowMs();
    this.unanswered = 0;
    if (this.watching) return; // the watch looks at lastMs when its time comes
    this.cancelTimer();
    this.watching = true;
    this.watch();
  }

  /** Asks once more, beside the plan: now, or as soon as it may and a moment has passed since the last question. */
  askSoon(): void {
    if (this.cancelSoon !== undefined) return;
    const leftMs = this.lastAskedMs + SHORTEST_PAUSE_MS - this.options.clock.nowMs();
    if (leftMs <= 0 && this.options.mayAsk()) {
      this.ask();
      return;
    }
    this.cancelSoon = this.options.clock.after(leftMs > 0 ? leftMs : SHORTEST_PAUSE_MS, () => {
      this.cancelSoon = undefined;
      this.askSoon();
    });
  }

  private watch(): void {
    const { clock, quietAfterMs } = this.options;
    const leftMs = this.lastMs + quietAfterMs() - clock.nowMs();
    if (leftMs > 0) {
      this.cancelTimer = clock.after(leftMs, () => this.watch());
      return;
    }
    this.watching = false;
    this.question();
  }

  private question(): void {
    if (this.unanswered === PATIENCE) this.options.onSilence();
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.unanswered, 10));
    this.unanswered++;
    this.cancelTimer = this.options.clock.after(pause * (1 + this.options.random() / 4), () => this.question());
    // Otherwise a command is on its way, and its repetitions ask as well.
    if (this.options.mayAsk()) this.ask();
  }

  private ask(): void {
    this.asked++;
    this.lastAskedMs = this.options.clock.nowMs();
    this.options.ask();
  }
}
