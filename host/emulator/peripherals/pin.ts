/**
 * One pin of the chip: what drives it from inside (port latch, peripheral function, pull resistor) and from outside
 * (a part on the board), and the level that results (SLAU144 "Digital I/O"; port schematics of SLAS735).
 *
 * Digital only: analogue voltages go to the ADC directly. Where inside and outside drive against each other low wins,
 * as on an open-drain bus. A pin that nothing drives or pulls keeps its last level.
 *
 * A peripheral that knows long before what it will drive (a UART's frame) need not do it edge by edge while nobody looks:
 * it drives the pin `late`, and catches up when somebody does (see LateDriver).
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
  /** The same for a peripheral. */
  follow(user: FunctionUser): void;
  /** True while somebody outside the chip listens to every edge when it happens. */
  readonly watched: boolean;
  /** Begins (or with undefined ends) to drive the pin late. */
  lag(driver: LateDriver | undefined): void;
  /** What the peripheral drove from a past moment on, in seconds; for those that called `lag`, in order. */
  outputLate(level: Level, seconds: number): void;
  /** The same for a whole frame (see LateFrame). False: nobody takes it, and its edges have to be driven. */
  outputFrame(frame: LateFrame): boolean;
}

/** Told when PxSEL/PxSEL2 gave a pin to a function or took it away. */
export interface FunctionUser {
  functionSelected(fn: PinFunction, selected: boolean): void;
}

/** A module of the chip that looks at a pin while it is its own: while the port, or the module's function, is selected. */
export interface PinUser {
  pinChanged(pin: Pin, level: Level): void;
}

/** A peripheral that drives a pin late. */
export interface LateDriver {
  /** Drives all that was due up to now. */
  catchUp(): void;
  /** Does so and drives each edge at its time from now on: somebody began to listen. */
  keepUp(): void;
}

/** A frame that passed: it began and ended on a high line, its first bit low and its last one high. */
export interface LateFrame {
  /** In the order of the line, the first lowest. */
  readonly bits: number;
  readonly length: number;
  /** When each bit began, in periods of a clock from the beginning of the frame. */
  readonly edges: readonly number[];
  readonly clockHz: number;
  /** When the frame began. */
  frameSeconds(): number;
}

/** Takes whole frames instead of their edges, or says false and is told of the edges. */
export interface LateFrameListener {
  frame(frame: LateFrame): boolean;
}

/** Told of every level of a pin, perhaps late, but in order; a time of undefined is now. */
export type LateListener = (level: Level, seconds: number | undefined) => void;

/** A fleet has thousands of chips: lists are replaced, not grown, so that they have no spare room. */
const nobody: readonly never[] = [];

/** One pin, from both sides. */
export class Pin {
  /** E.g. `P1.6`. */
  readonly name: string;
  /** Its place in its port. */
  readonly bit: number;
  private currentLevel: Level = 0;
  private external: Level | undefined;
  private externalPull: Level | undefined;
  private select: PinSelect = 0;
  private directionOut = false;
  private latch: Level = 0;
  private resistorEnabled = false;
  /** False while CAPD takes the input buffer off the pin. */
  private buffered = true;
  private function1: AttachedFunction | undefined = undefined;
  private function2: AttachedFunction | undefined = undefined;
  private function3: AttachedFunction | undefined = undefined;
  private users: readonly PinUser[];
  private listeners: readonly ((level: Level) => void)[] = nobody;
  private lateListeners: readonly LateListener[] = nobody;
  private lateDriver: LateDriver | undefined = undefined;
  private frameListener: LateFrameListener | undefined = undefined;

  /** @param users the modules that look at it from the start; other pins may have the same list */
  constructor(name: string, bit = 0, users: readonly PinUser[] = nobody) {
    this.name = name;
    this.bit = bit;
    this.users = users;
  }

  /** The level that PxIN reads: 0 while the comparator has the input buffer disabled (SLAU144 "CAPD"). */
  get input(): Level {
    return this.buffered ? this.level : 0;
  }

  /** Connects or disconnects the input buffer (called by the comparator's port disable register only). */
  setBuffer(connected: boolean): void {
    this.buffered = connected;
  }

  /** The level on the pin now. */
  get level(): Level {
    this.lateDriver?.catchUp();
    return this.currentLevel;
  }

  /** Which function PxSEL and PxSEL2 choose. */
  get selected(): PinSelect {
    return this.select;
  }

  /** Drives the pin from outside (a button, a UART's TX, an I2C slave holding SCL: 0); undefined lets go. */
  drive(level: Level | undefined): void {
    this.lateDriver?.catchUp();
    this.external = level;
    this.resolve();
  }

  /** A pull resistor on the board: 1 up, 0 down, undefined none. It loses against everything that drives. */
  pull(level: Level | undefined): void {
    this.lateDriver?.catchUp();
    this.externalPull = level;
    this.resolve();
  }

  /** What the chip itself drives now: its latch or a peripheral; undefined while it is an input. */
  get driven(): Level | undefined {
    this.lateDriver?.catchUp();
    return this.drivenInside();
  }

  private drivenInside(): Level | undefined {
    const fn = this.functionOf(this.select);
    if (fn === undefined) return this.directionOut ? this.latch : undefined;
    if (fn.direction === 'port' && !this.directionOut) return undefined;
    return fn.level;
  }

  /** Calls `listener` after each change of the level, whoever caused it; returns what takes the listener off again. */
  onChange(listener: (level: Level) => void): () => void {
    this.lateDriver?.keepUp();
    this.listeners = this.listeners.concat(listener);
    return () => {
      const index = this.listeners.indexOf(listener);
      if (index >= 0) this.listeners = this.listeners.filter((_, at) => at !== index);
    };
  }

  /**
   * Calls `listener` for each change of the level, later than it happens when the pin is driven late: for those who need
   * to know when, and not at once. `catchUp` brings what is missing. An only listener may take frames as a whole.
   */
  onChangeLate(listener: LateListener, frames?: LateFrameListener): void {
    this.frameListener = this.lateListeners.length === 0 ? frames : undefined;
    this.lateListeners = this.lateListeners.concat(listener);
  }

  /**
   * A frame passed while the line was driven late (called by the pin's functions). Modules of the chip look at pins of
   * their own only, and this one is its driver's.
   */
  frame(frame: LateFrame): boolean {
    return this.currentLevel === 1 && this.listeners.length === 0 && this.frameListener?.frame(frame) === true;
  }

  /** Whoever drives the pin late does now what was due. */
  catchUp(): void {
    this.lateDriver?.catchUp();
  }

  /** Tells a module of the chip of each change. */
  follow(user: PinUser): void {
    this.users = this.users.concat(user);
  }

  /** True while somebody outside the chip listens to every edge when it happens (asked by the pin's functions). */
  get watched(): boolean {
    return this.listeners.length > 0;
  }

  /** Who drives the pin late, if anybody (called by the pin's functions). */
  lag(driver: LateDriver | undefined): void {
    this.lateDriver = driver;
  }

  /**
   * Attaches a peripheral to a function-select value. `direction` says who decides about output: the `port` (PxDIR, as
   * for Timer_A outputs) or the peripheral itself (`module`, as for USCI). Several peripherals may share a select value
   * (USCI_A0 and USCI_B0 on P1.6/P1.7): the last one that called `output` with a level or undefined counts.
   */
  attach(select: 1 | 2 | 3, direction: 'port' | 'module'): PinFunction {
    let fn = this.functionOf(select);
    if (fn === undefined) {
      fn = new AttachedFunction(direction, this.select === select, this);
      if (select === 1) this.function1 = fn;
      else if (select === 2) this.function2 = fn;
      else this.function3 = fn;
    }
    return fn;
  }

  private functionOf(select: PinSelect): AttachedFunction | undefined {
    switch (select) {
      case 0:
        return undefined;
      case 1:
        return this.function1;
      case 2:
        return this.function2;
      default:
        return this.function3;
    }
  }

  /** The port's registers for this pin changed (called by the port only). */
  configure(select: PinSelect, directionOut: boolean, latch: Level, resistorEnabled: boolean): void {
    this.lateDriver?.catchUp();
    const before = this.select;
    this.select = select;
    this.directionOut = directionOut;
    this.latch = latch;
    this.resistorEnabled = resistorEnabled;
    if (before !== select) this.reselect(before);
    this.resolve();
  }

  private reselect(before: PinSelect): void {
    this.functionOf(before)?.choose(false);
    this.functionOf(this.select)?.choose(true);
  }

  /** Works the level out anew, as it is since a time in seconds, or undefined for now (called by the pin's functions). */
  resolve(since?: number): void {
    const level = this.resolved();
    if (level === this.currentLevel) return;
    this.currentLevel = level;
    for (const user of this.users) user.pinChanged(this, level);
    for (const listener of this.listeners) listener(level);
    for (const listener of this.lateListeners) listener(level, since);
  }

  private resolved(): Level {
    const inside = this.drivenInside();
    if (inside !== undefined || this.external !== undefined) return inside === 0 || this.external === 0 ? 0 : 1;
    if (this.externalPull !== undefined) return this.externalPull;
    return this.resistorEnabled ? this.latch : this.currentLevel;
  }
}

class AttachedFunction implements PinFunction {
  readonly direction: 'port' | 'module';
  level: Level | undefined = undefined;
  private chosen: boolean;
  private readonly pin: Pin;
  private users: readonly FunctionUser[] = nobody;

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
    this.follow({ functionSelected: (_, selected) => listener(selected) });
  }

  follow(user: FunctionUser): void {
    this.users = this.users.concat(user);
  }

  get watched(): boolean {
    return this.pin.watched;
  }

  lag(driver: LateDriver | undefined): void {
    this.pin.lag(driver);
  }

  outputLate(level: Level, seconds: number): void {
    if (this.level === level) return;
    this.level = level;
    if (this.chosen) this.pin.resolve(seconds);
  }

  outputFrame(frame: LateFrame): boolean {
    return this.level === 1 && this.chosen && this.pin.frame(frame);
  }

  choose(selected: boolean): void {
    this.chosen = selected;
    for (const user of this.users) user.functionSelected(this, selected);
  }
}
