/** What a gateway says: one object per event, for a person (`message`) and for a program (`event` and its fields). */

import type { Json } from '../../cloud/protocol/messages.ts';

export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error';
  /** Stable, kebab case: `probe-online`, `cloud-disconnected`… */
  readonly event: string;
  /** One line for a person. */
  readonly message: string;
  readonly [field: string]: Json;
}

export type Log = (entry: LogEntry) => void;
