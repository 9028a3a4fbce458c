/**
 * What surrounds a board: light, motion, temperature and supply, as functions of its own time in seconds.
 *
 * By default gently alive, so that charts move: slow waves whose phases come from a seed, the same on every run. Any
 * quantity can be fixed, and given back to its wave with `undefined`. Not physics: a person who wears the arm band is a
 * gesture every twenty seconds or so.
 */

export interface WorldOptions {
  /** Same seed, same world. Default 1. */
  readonly seed?: number;
  /** False: 300 lux, at rest, 22.5 °C and 3.3 V, all constant. Default true. */
  readonly alive?: boolean;
}

/** Acceleration along x, y and z in g; at rest and level it is 0, 0, 1. */
export type Vector = readonly [number, number, number];

const TURN = 2 * Math.PI;

interface Fixed {
  lux?: number | undefined;
  acceleration?: Vector | undefined;
  temperature?: number | undefined;
  supply?: number | undefined;
}

/** The surroundings of a board as functions of its time. */
export class World {
  private readonly alive: boolean;
  private readonly phases: readonly number[];
  /** Called after something was fixed or given back, so that a board may look at once. */
  onChange: () => void = () => {};

  private fixed: Fixed = {};

  constructor(options: WorldOptions = {}) {
    this.alive = options.alive ?? true;
    const random = seededRandom(options.seed ?? 1);
    this.phases = Array.from({ length: 8 }, () => random());
  }

  /** Illuminance at the sensor in lux. */
  lux(t: number): number {
    if (this.fixed.lux !== undefined) return this.fixed.lux;
    return 300 + 120 * this.wave(t, 60, 0) + 30 * this.wave(t, 7, 1);
  }

  /** Acceleration in g, gravity included. */
  acceleration(t: number): Vector {
    if (this.fixed.acceleration !== undefined) return this.fixed.acceleration;
    const tiltX = 0.35 * this.wave(t, 11, 2);
    const tiltY = 0.25 * this.wave(t, 17, 3);
    const shake = this.gesture(t);
    const z = Math.sqrt(Math.max(0, 1 - tiltX * tiltX - tiltY * tiltY));
    return [tiltX + shake, tiltY + 0.4 * shake, z - 0.3 * shake];
  }

  /** Air and chip temperature in degrees Celsius. */
  temperature(t: number): number {
    return this.fixed.temperature ?? 22.5 + 0.8 * this.wave(t, 240, 4);
  }

  /** Supply in volts. */
  supply(t: number): number {
    return this.fixed.supply ?? 3.3 + 0.01 * this.wave(t, 90, 5);
  }

  /** Fixes the illuminance in lux; `undefined` lets it move by itself again. */
  setLux(lux: number | undefined): void {
    this.fix('lux', lux);
  }

  /** Fixes the acceleration in g; `undefined` lets it move by itself again. */
  setAcceleration(acceleration: Vector | undefined): void {
    this.fix('acceleration', acceleration);
  }

  /** Fixes the temperature in degrees Celsius; `undefined` lets it move by itself again. */
  setTemperature(celsius: number | undefined): void {
    this.fix('temperature', celsius);
  }

  /** Fixes the supply in volts; `undefined` lets it move by itself again. */
  setSupply(volts: number | undefined): void {
    this.fix('supply', volts);
  }

  private fix<K extends keyof Fixed>(quantity: K, value: Fixed[K]): void {
    this.fixed[quantity] = value;
    this.onChange();
  }

  private wave(t: number, periodS: number, phase: number): number {
    return this.alive ? Math.sin(TURN * (t / periodS + this.phases[phase]!)) : 0;
  }

  /** A second of shaking at 3 Hz in every twenty, beginning at a place of its own in each. */
  private gesture(t: number): number {
    if (!this.alive) return 0;
    const since = (t % 20) - (4 + 12 * this.phases[6]!);
    return since < 0 || since > 1 ? 0 : 0.8 * Math.sin(TURN * 3 * since) * Math.sin(Math.PI * since);
  }
}

/** Numbers 0..1 that depend on the seed alone (Marsaglia's xorshift, 32 bits). */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
