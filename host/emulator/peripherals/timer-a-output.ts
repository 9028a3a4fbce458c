/**
 * Output unit of a Timer_A capture/compare block (SLAU144 "Output Unit", table of output modes): turns EQU0 and EQUx into
 * a level, and hands it to pins and to whoever listens.
 */

import type { Level, PinFunction } from './pin.ts';

/** What EQUx and EQU0 do, by OUTMOD. */
const actions = [
  { equal: 'none', equal0: 'none' },
  { equal: 'set', equal0: 'none' },
  { equal: 'toggle', equal0: 'reset' },
  { equal: 'set', equal0: 'reset' },
  { equal: 'toggle', equal0: 'none' },
  { equal: 'reset', equal0: 'none' },
  { equal: 'toggle', equal0: 'set' },
  { equal: 'reset', equal0: 'set' },
] as const;

type Action = 'none' | 'set' | 'reset' | 'toggle';

const nobody: readonly never[] = [];

export class OutputUnit {
  /** Where it can be seen. */
  readonly pins: readonly PinFunction[];
  private listeners: readonly ((level: Level) => void)[] = nobody;
  private mode = 0;
  private currentLevel: Level = 0;

  constructor(pins: readonly PinFunction[]) {
    this.pins = pins;
    for (const pin of pins) pin.output(0);
  }

  get level(): Level {
    return this.currentLevel;
  }

  /** True while a pin or a listener sees the output: only then are its edges worth events. */
  get watched(): boolean {
    if (this.listeners.length > 0) return true;
    for (const pin of this.pins) if (pin.selected) return true;
    return false;
  }

  get usesEqual(): boolean {
    return actions[this.mode]!.equal !== 'none';
  }

  get usesEqual0(): boolean {
    return actions[this.mode]!.equal0 !== 'none';
  }

  /** Listens to changes; returns what ends it. The timer must be told (`outputWatchChanged`). */
  onChange(listener: (level: Level) => void): () => void {
    this.listeners = this.listeners.concat(listener);
    return () => {
      const index = this.listeners.indexOf(listener);
      if (index >= 0) this.listeners = this.listeners.filter((_, at) => at !== index);
    };
  }

  /** OUTMOD and OUT were written; OUT counts in mode 0 only. */
  configure(mode: number, out: Level): void {
    this.mode = mode;
    if (mode === 0) this.set(out);
  }

  equal(): void {
    this.act(actions[this.mode]!.equal);
  }

  equal0(): void {
    this.act(actions[this.mode]!.equal0);
  }

  private act(action: Action): void {
    if (action === 'set') this.set(1);
    else if (action === 'reset') this.set(0);
    else if (action === 'toggle') this.set(this.currentLevel === 1 ? 0 : 1);
  }

  private set(level: Level): void {
    if (level === this.currentLevel) return;
    this.currentLevel = level;
    for (const pin of this.pins) pin.output(level);
    for (const listener of this.listeners) listener(level);
  }
}
