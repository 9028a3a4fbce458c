/**
 * The pin oscillator (SLAU144 "Pin Oscillator", SLAS735 "Pin-Oscillator Frequency"): a pin of P1 or P2 with PxSEL = 0 and
 * PxSEL2 = 1 swings, the slower the more capacitance hangs on it, and Timer0_A counts it as INCLK or captures it.
 *
 * Frequency: a curve through the data sheet's typical values, 1.4 MHz at 10 pF and 0.9 MHz at 20 pF. When several pins
 * are selected the first counts. Left out: supply and temperature, and the edges on the pin itself.
 */

import type { FunctionUser, Pin } from './pin.ts';

const scaleHzPicofarads = 25.2e6;
const innerPicofarads = 8;
const defaultPicofarads = 10;
/** PxSEL = 0, PxSEL2 = 1. */
const oscillatorFunction = 2;

/** Typical frequency in Hz with an outer capacitance. */
export function pinOscillatorHz(picofarads: number): number {
  return Math.round(scaleHzPicofarads / (picofarads + innerPicofarads));
}

export class PinOscillator implements FunctionUser {
  private readonly pins: readonly Pin[];
  /** What hangs on each pin; made when something else than a plain pin does. */
  private picofarads: number[] | undefined = undefined;
  private readonly setFrequency: (frequencyHz: number) => void;

  /** @param setFrequency sets the line's frequency, 0 for none */
  constructor(pins: readonly Pin[], setFrequency: (frequencyHz: number) => void) {
    this.pins = pins;
    this.setFrequency = setFrequency;
    for (const pin of pins) {
      pin.attach(oscillatorFunction, 'module').follow(this);
    }
  }

  /** What hangs on a pin outside; a finger on a touch key adds some picofarads. */
  setCapacitance(pin: Pin, picofarads: number): void {
    const index = this.pins.indexOf(pin);
    if (index < 0) throw new RangeError(`${pin.name} has no pin oscillator`);
    this.picofarads ??= this.pins.map(() => defaultPicofarads);
    this.picofarads[index] = picofarads;
    this.apply();
  }

  functionSelected(): void {
    this.apply();
  }

  private apply(): void {
    const index = this.pins.findIndex((pin) => pin.selected === oscillatorFunction);
    this.setFrequency(index < 0 ? 0 : pinOscillatorHz(this.picofarads?.[index] ?? defaultPicofarads));
  }
}
