/**
 * What may stand on a bench beside the probe: instruments that see or do what its link cannot.
 *
 * Each is optional. A case that needs one which the target does not have is reported as not observed. Around an emulated
 * board all of them exist (virtual-instruments.ts); a logic analyser would bring `bus` and `pins`, a relay `power`.
 * Times are milliseconds of the bench's clock.
 */

/** A transfer between START and STOP; a write followed by a read after a repeated START is one. */
export interface BusTransaction {
  readonly address: number;
  readonly written: readonly number[];
  readonly read: readonly number[];
  /** False when the address or a written byte was not acknowledged. */
  readonly acknowledged: boolean;
}

/** Listens to the I2C bus. */
export interface BusAnalyser {
  /** Begins to record; the returned function ends it and hands over what was seen. */
  record(): () => BusTransaction[];
}

export interface Edge {
  readonly atMs: number;
  readonly level: 0 | 1;
}

/** Pins by what hangs on them (firmware/board/earl.h). */
export type PinName = 'motor' | 'sda' | 'scl';

/** Times the edges of pins. */
export interface PinRecorder {
  /** The returned function ends the recording. The first entry is the level at its begin, the last the one at its end. */
  record(pin: PinName): () => Edge[];
}

/** Red, green, blue, 0 to 1. */
export type Rgb = readonly [number, number, number];

/** Looks at the LEDs, or holds a lamp to the sensor. */
export interface Photometer {
  brightness(): { readonly lower: Rgb; readonly upper: Rgb };
}

export interface Lamp {
  setLux(lux: number): void;
}

/** Turns and shakes the board. */
export interface MotionTable {
  /** Acceleration along x, y, z in g, gravity included. */
  set(acceleration: Rgb): void;
}

export interface ClimateChamber {
  setCelsius(celsius: number): void;
}

export interface PowerSupply {
  setVolts(volts: number): void;
  /** Off, until RAM has forgotten, and on again: the parts on the bus start anew, too. */
  cycle(): void;
  /** Below the chip's brown-out level for a moment: RAM and the parts on the bus do not notice. */
  dip(): void;
  /** The reset button. */
  pressReset(): void;
}

/** Presses the probe's button. */
export interface Finger {
  press(): void;
  release(): void;
}

/** Breaks things. `clear` mends all of them. */
export interface FaultInjector {
  /** Unplugs a part from the bus, or plugs it in again with its power-on values. */
  unplug(address: number): void;
  plug(address: number): void;
  /** Ties SDA to ground, or lets go. */
  holdSda(held: boolean): void;
  /** A part keeps SDA low until it has seen so many clocks. */
  stickSda(clocks: number): void;
  /** The next transfer's byte is refused; 0 is the address. */
  refuse(byteIndex: number): void;
  /** Another master wins the next transfer at this bit. */
  loseArbitration(bit: number): void;
  /** The CPU runs in a circle with its interrupts on, as a program does that waits for ever. */
  hangCpu(): void;
  clear(): void;
}

/** Stands for a radio module on the UART: what its state pin says. The link itself goes on, as through a module's buffer. */
export interface ModuleStand {
  /** True: somebody is connected; false: nobody is; undefined: there is no module. */
  setState(connected: boolean | undefined): void;
}

export interface Instruments {
  readonly bus?: BusAnalyser;
  readonly pins?: PinRecorder;
  readonly photometer?: Photometer;
  readonly lamp?: Lamp;
  readonly motion?: MotionTable;
  readonly climate?: ClimateChamber;
  readonly power?: PowerSupply;
  readonly finger?: Finger;
  readonly faults?: FaultInjector;
  readonly module?: ModuleStand;
}

export type InstrumentName = keyof Instruments;

/** How a report names what is missing. */
export const instrumentNames: Readonly<Record<InstrumentName, string>> = {
  bus: 'an I2C bus analyser',
  pins: 'a logic analyser on the pins',
  photometer: 'a photometer in front of the LEDs',
  lamp: 'a lamp of known illuminance',
  motion: 'a motion table',
  climate: 'a climate chamber',
  power: 'a power supply under control',
  finger: 'somebody or something that presses the button',
  faults: 'a fault injector',
  module: "a hand on the radio module's state pin",
};
