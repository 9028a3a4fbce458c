/**
 * How far a flash is, on stderr: one line that is rewritten on a terminal, a line a stage elsewhere. With `--json` one
 * object per step on stdout instead. Time left comes from the rate of the stage so far.
 */

import type { FlashListener, FlashStage } from '../flash/index.ts';

const BAR_LENGTH = 24;
/** Before this share the rate says nothing. */
const ESTIMATE_FROM = 0.05;
const names: Readonly<Record<FlashStage, string>> = { erase: 'erasing', write: 'writing', verify: 'verifying' };

export interface ProgressOptions {
  readonly json: boolean;
  readonly isTty: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly err: (text: string) => void;
  readonly out: (text: string) => void;
}

export class FlashProgress implements FlashListener {
  private readonly options: ProgressOptions;
  private stage: FlashStage | undefined;
  private stageStart = 0;
  private lineLength = 0;

  constructor(options: ProgressOptions) {
    this.options = options;
  }

  onProgress(stage: FlashStage, done: number, total: number): void {
    const { json, isTty, now, err, out } = this.options;
    const isNew = stage !== this.stage;
    if (isNew) this.stageStart = now();
    this.stage = stage;
    const secondsLeft = this.secondsLeft(done, total);
    const percent = total > 0 ? Math.floor((100 * done) / total) : undefined;
    if (json) out(`${JSON.stringify({ kind: 'progress', stage, bytes: done, total, percent, secondsLeft })}\n`);
    else if (isTty) this.rewrite(this.line(stage, done, total, percent, secondsLeft));
    else if (isNew) err(total > 0 ? `${names[stage]} ${total} bytes\n` : `${names[stage]}\n`);
  }

  onNotice(message: string): void {
    const { json, err, out } = this.options;
    this.end();
    if (json) out(`${JSON.stringify({ kind: 'notice', message })}\n`);
    else err(`note: ${message}\n`);
  }

  /** Leaves the line that was rewritten. */
  end(): void {
    if (this.lineLength > 0) this.options.err('\n');
    this.lineLength = 0;
  }

  private secondsLeft(done: number, total: number): number | undefined {
    if (total === 0 || done < total * ESTIMATE_FROM) return undefined;
    const passed = (this.options.now() - this.stageStart) / 1000;
    return Math.round((passed * (total - done)) / done);
  }

  private line(
    stage: FlashStage,
    done: number,
    total: number,
    percent: number | undefined,
    secondsLeft: number | undefined,
  ): string {
    if (percent === undefined) return names[stage];
    const filled = Math.round((BAR_LENGTH * done) / total);
    const bar = '#'.repeat(filled).padEnd(BAR_LENGTH, '.');
    const left = secondsLeft === undefined ? '' : `, ${secondsLeft} s left`;
    return `${names[stage].padEnd(9)} [${bar}] ${done} of ${total} bytes, ${percent} %${left}`;
  }

  private rewrite(line: string): void {
    this.options.err(`\r${line.padEnd(this.lineLength)}`);
    this.lineLength = line.length;
  }
}
