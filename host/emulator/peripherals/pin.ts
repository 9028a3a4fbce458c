/**
 * One pin of the chip: what drives it from inside (port latch, peripheral function, pull resistor) and from outside
 * (a part on the board), and the level that results (SLAU144 "Digital I/O"; port schematics of SLAS735).
 *
 * Digital only: analogue voltages go to the ADC directly. Where inside and outside drive against each other low wins,
 * as on an open-drain bus. A pin that nothing drives or pulls keeps its last level.
 */

/** A logic level. */
export type Level = 0 | 1;

/** Function-select value of a pin: PxSEL bit + 2 × PxSEL2 bit. 0 is the port itself, 2 the pin oscillator. */
export type PinSelect = 0 | 1 | 2 | 3;

/** A peripheral's side of a pin. */
export interface PinFunction {
  /** True while PxSEL/PxSEL2 give the pin to this function. */
  readonly selected: boolean;
  /** What the peripheral drives, undefined for high impedance (open drain: 0 or undefined). Kept while not selected. */
  output(level: Level | undefined): void;
  /** Called when `selected` changed. */
  onSelect(listener: (selected: boolean) => void): void;
}

/** A fleet has thousands of chips: lists are replaced, not grown, so that they have no spare room. */
const nobody: readonly never[] = [];

/** One pin, from both sides. */
export class Pin {
  /** E.g. `P1.6`. */
  readonly name: string;
  private currentLevel: Level = 0;
  private external: Level | undefined;
  private externalPull: Level | undefined;
  private select: PinSelect = 0;
  private directionOut = false;
  private latch: Level = 0;
  private resistorEnabled = false;
  /** False while CAPD takes the input buffer off the pin. */
  private buffered = true;
  private readonly functions: (AttachedFunction | undefined)[] = [undefined, undefined, undefined, undefined];
  private listeners: readonly ((level: Level) => void)[] = nobody;

  constructor(name: string) {
    this.name = name;
  }

  /** The level that PxIN reads: 0 while the comparator has the input buffer disabled (SLAU144 "CAPD"). */
  get input(): Level {
    return this.buffered ? this.currentLevel : 0;
  }

  /** Connects or disconnects the input buffer (called by the comparator's port disable register only). */
  setBuffer(connected: boolean): void {
    this.buffered = connected;
  }

  /** The level on the pin now. */
  get level(): Level {
    return this.currentLevel;
  }

  /** Which function PxSEL and PxSEL2 choose. */
  get selected(): PinSelect {
    return this.select;
  }

  /** Drives the pin from outside (a button, a UART's TX, an I2C slave holding SCL: 0); undefined lets go. */
  drive(level: Level | undefined): void {
    this.external = level;
    this.resolve();
  }

  /** A pull resistor on the board: 1 up, 0 down, undefined none. It loses against everything that drives. */
  pull(level: Level | undefined): void {
    this.externalPull = level;
    this.resolve();
  }

  /** What the chip itself drives now: its latch or a peripheral; undefined while it is an input. */
  get driven(): Level | undefined {
    const fn = this.functions[this.select];
    if (fn === undefined) return this.directionOut ? this.latch : undefined;
    if (fn.direction === 'port' && !this.directionOut) return undefined;
    return fn.level;
  }

  /** Calls `listener` after each change of the level, whoever caused it; returns what takes the listener off again. */
  onChange(listener: (level: Level) => void): () => void {
    this.listeners = this.listeners.concat(listener);
    return () => {
      const index = this.listeners.indexOf(listener);
      if (index >= 0) this.listeners = this.listeners.filter((_, at) => at !== index);
    };
  }

  /**
   * Attaches a peripheral to a function-select value. `direction` says who decides about output: the `port` (PxDIR, as
   * for Timer_A outputs) or the peripheral itself (`module`, as for USCI). Several peripherals may share a select value
   * (USCI_A0 and USCI_B0 on P1.6/P1.7): the last one that called `output` with a level or undefined counts.
   */
  attach(select: 1 | 2 | 3, direction: 'port' | 'module'): PinFunction {
    let fn = this.functions[select];
    if (fn === undefined) {
      fn = new AttachedFunction(direction, this.select === select, this);
      this.functions[select] = fn;
    }
    return fn;
  }

  /** The port's registers for this pin changed (called by the port only). */
  configure(select: PinSelect, directionOut: boolean, latch: Level, resistorEnabled: boolean): void {
    const before = this.select;
    this.select = select;
    this.directionOut = directionOut;
    this.latch = latch;
    this.resistorEnabled = resistorEnabled;
    if (before !== select) this.reselect(before);
    this.resolve();
  }

  private reselect(before: PinSelect): void {
    for (const select of [before, this.select]) {
      const fn = this.functions[select];
      if (fn === undefined) continue;
      fn.choose(select === this.select);
    }
  }

  /** Works the level out anew (called by the pin's functions). */
  resolve(): void {
    const level = this.resolved();
    if (level === this.currentLevel) return;
    this.currentLevel = level;
    for (const listener of this.listeners) listener(level);
  }

  private resolved(): Level {
    const inside = this.driven;
    if (inside !== undefined || this.external !== undefined) return inside === 0 || this.external === 0 ? 0 : 1;
    if (this.externalPull !== undefined) return this.externalPull;
    return this.resistorEnabled ? this.latch : this.currentLevel;
  }
}

class AttachedFunction implements PinFunction {
  readonly direction: 'port' | 'module';
  level: Level | undefined;
  private chosen: boolean;
  private readonly pin: Pin;
  private listeners: readonly ((selected: boolean) => void)[] = nobody;

  constructor(direction: 'port' | 'module', chosen: boolean, pin: Pin) {
    this.direction = direction;
    this.chosen = chosen;
    this.pin = pin;
  }

  get selected(): boolean {
    return this.chosen;
  }

  output(level: Level | undefined): void {
    if (this.level === level) return;
    this.level = level;
    if (this.chosen) this.pin.resolve();
  }

  onSelect(listener: (selected: boolean) => void): void {
    this.listeners = this.listeners.concat(listener);
  }

  choose(selected: boolean): void {
    this.chosen = selected;
    for (const listener of this.listeners) listener(selected);
  }
}
