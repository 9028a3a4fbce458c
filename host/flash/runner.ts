/** What every way of flashing has in common. */

import type { InfoRecord } from '../link/index.ts';
import type { FlashPlan } from './plan.ts';

export type FlashStage = 'erase' | 'write' | 'verify';

export interface FlashListener {
  /** Bytes done of a stage; `total` may be 0 when nobody knows. */
  onProgress(stage: FlashStage, done: number, total: number): void;
  /** Something that a user should read; flashing goes on. */
  onNotice(message: string): void;
}

export interface FlashResult {
  /** Bytes written, as far as known. */
  readonly bytes: number;
  /** What was found, e.g. `MSP430 2553, boot loader 2.02`. */
  readonly target: string;
  /** Where info memory was saved. */
  readonly backup?: string;
  /** Id and key on the board now, read back; absent when it has none, or when it does not outlive the flash. */
  readonly record?: InfoRecord;
}

export interface FlashRunner {
  /** What a user typed, or would have. */
  readonly name: string;
  /** Writes and verifies. When `signal` is aborted it stops at the next safe place and rejects with `FLASH_ABORTED`. */
  flash(plan: FlashPlan, listener: FlashListener, signal: AbortSignal): Promise<FlashResult>;
}
