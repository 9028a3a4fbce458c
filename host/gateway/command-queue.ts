/**
 * The commands that wait for one probe: one at a time, in order, and not for ever.
 *
 * A command that finds the queue full is refused (`busy`) and one that waited too long is given up (`timeout`); neither
 * was executed. A command that has started is never repeated here: retransmission belongs to the link session, which
 * knows sequence numbers.
 */

import type { CommandResult } from '../../cloud/protocol/messages.ts';
import type { Clock } from '../link/clock.ts';

export interface CommandQueueOptions {
  readonly clock: Clock;
  /** Commands waiting besides the one under way. */
  readonly maxWaiting: number;
  /** Longest wait before a command starts, ms: shorter than the cloud's own time-out, so that nothing late is executed. */
  readonly maxWaitMs: number;
}

interface Waiting {
  readonly sinceMs: number;
  readonly run: () => Promise<CommandResult>;
  readonly done: (result: CommandResult) => void;
}

export class CommandQueue {
  private readonly options: CommandQueueOptions;
  private readonly waiting: Waiting[] = [];
  private underWay = false;

  constructor(options: CommandQueueOptions) {
    this.options = options;
  }

  /** Runs `run` when its turn comes. Never rejects: a `run` that does is answered as `unknown`. */
  add(run: () => Promise<CommandResult>): Promise<CommandResult> {
    if (this.waiting.length >= this.options.maxWaiting) {
      const message = `${this.waiting.length} commands are waiting for this probe: try again later`;
      return Promise.resolve({ status: 'busy', data: [], message });
    }
    return new Promise((done) => {
      this.waiting.push({ sinceMs: this.options.clock.nowMs(), run, done });
      void this.work();
    });
  }

  private async work(): Promise<void> {
    if (this.underWay) return;
    this.underWay = true;
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      next.done(await this.execute(next));
    }
    this.underWay = false;
  }

  private async execute({ sinceMs, run }: Waiting): Promise<CommandResult> {
    const waitedMs = Math.round(this.options.clock.nowMs() - sinceMs);
    if (waitedMs > this.options.maxWaitMs) {
      const message = `waited ${waitedMs} ms behind other commands and was not executed`;
      return { status: 'timeout', data: [], message };
    }
    try {
      return await run();
    } catch (error) {
      return { status: 'unknown', data: [], message: String(error) };
    }
  }
}
