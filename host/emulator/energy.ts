/**
 * Time in each power mode, and the charge that this takes from the supply: an estimate from the currents of currents.ts.
 *
 * Modes are exact to the cycle: MCLK tells when the CPU falls asleep and wakes up. The chip alone: no LEDs, no parts on
 * the bus, nothing that pins source or sink.
 */

import { type Current, modeCurrent, type PowerMode, type PowerPart, partCurrents, powerModes } from './currents.ts';
import type { Mcu } from './mcu.ts';
import type { ExecutionObserver } from './observer.ts';

export interface EnergyShare {
  /** Mode or part of the chip. */
  readonly what: PowerMode | PowerPart;
  readonly seconds: number;
  /** Charge in microcoulombs. */
  readonly typicalUc: number;
  readonly maximumUc: number;
}

export interface Energy {
  readonly seconds: number;
  /** In the order active, LPM0 to LPM4; without those that did not happen. */
  readonly modes: readonly EnergyShare[];
  /** What comes on top, as far as the data sheet gives it. */
  readonly parts: readonly EnergyShare[];
  readonly averageUa: number;
  /** The same with every current at its maximum. */
  readonly maximumUa: number;
  /** Typical energy in microjoules at the supply's voltage. */
  readonly energyUj: number;
}

const CPUOFF = 0x10;
const OSCOFF = 0x20;
const SCG0 = 0x40;
const SCG1 = 0x80;
const ADC10CTL0 = 0x1b0;
const ADC10CTL1 = 0x1b2;
const REFON = 0x20;
const SREF_INTERNAL = 0x2000;
const ADC10SR = 0x0400;
const ADC10BUSY = 0x01;
const BCSCTL3 = 0x53;
const LFXT1S_VLO = 0x20;

interface Sum {
  seconds: number;
  typicalUc: number;
  maximumUc: number;
}

export class EnergyMeter implements ExecutionObserver {
  private readonly mcu: Mcu;
  private readonly sums = new Map<PowerMode | PowerPart, Sum>();
  private readonly startedAt: number;
  private measuredUntil: number;
  private energyUj = 0;
  private mode: PowerMode = 'active';
  private current: Current = { typical: 0, maximum: 0 };
  private parts: readonly PowerPart[] = [];
  private readonly detach: () => void;
  private active = true;

  /** Measures from now on; looks at every instruction, because a program may switch the ADC10 at any. */
  constructor(mcu: Mcu) {
    this.mcu = mcu;
    this.startedAt = mcu.scheduler.seconds();
    this.measuredUntil = this.startedAt;
    this.look();
    for (const clock of [mcu.clocks.mclk, mcu.clocks.smclk, mcu.clocks.aclk]) clock.onChange(() => this.measure());
    this.detach = mcu.observe(this);
  }

  stop(): void {
    this.measure();
    this.active = false;
    this.detach();
  }

  executed(): void {
    const parts = this.activeParts();
    if (parts !== this.parts) this.measure();
  }

  slept(): void {
    this.measure();
  }

  held(seconds: number): void {
    this.measure();
    this.add('flash controller', seconds, partCurrents['flash controller']);
  }

  report(): Energy {
    if (this.active) this.measure();
    const seconds = this.measuredUntil - this.startedAt;
    const share = (what: PowerMode | PowerPart): EnergyShare[] => {
      const sum = this.sums.get(what);
      return sum === undefined ? [] : [{ what, ...sum }];
    };
    const modes = powerModes.flatMap(share);
    const parts = (Object.keys(partCurrents) as PowerPart[]).flatMap(share);
    const all = [...modes, ...parts];
    const average = (charge: number) => (seconds > 0 ? charge / seconds : 0);
    return {
      seconds,
      modes,
      parts,
      averageUa: average(all.reduce((sum, { typicalUc }) => sum + typicalUc, 0)),
      maximumUa: average(all.reduce((sum, { maximumUc }) => sum + maximumUc, 0)),
      energyUj: this.energyUj,
    };
  }

  /** Books the time since the last look on what was on then. */
  private measure(): void {
    if (!this.active) return;
    const now = this.mcu.scheduler.seconds();
    const seconds = now - this.measuredUntil;
    if (seconds > 0) {
      this.add(this.mode, seconds, this.current);
      for (const part of this.parts) this.add(part, seconds, partCurrents[part]);
      this.measuredUntil = now;
    }
    this.look();
  }

  private add(what: PowerMode | PowerPart, seconds: number, current: Current): void {
    let sum = this.sums.get(what);
    if (sum === undefined) {
      sum = { seconds: 0, typicalUc: 0, maximumUc: 0 };
      this.sums.set(what, sum);
    }
    sum.seconds += seconds;
    sum.typicalUc += current.typical * seconds;
    sum.maximumUc += current.maximum * seconds;
    this.energyUj += current.typical * seconds * this.mcu.supplyVolts;
  }

  private look(): void {
    const { mcu } = this;
    this.mode = this.currentMode();
    this.parts = this.activeParts();
    this.current = modeCurrent(this.mode, {
      supplyVolts: mcu.supplyVolts,
      mclkHz: mcu.clocks.mclk.frequencyHz,
      dcoHz: mcu.scheduler.frequencyHz,
      crystal: (mcu.peek(BCSCTL3) & 0x30) !== LFXT1S_VLO,
    });
  }

  private currentMode(): PowerMode {
    const status = this.mcu.registers[2]!;
    if ((status & CPUOFF) === 0) return 'active';
    if ((status & SCG1) === 0) return (status & SCG0) === 0 ? 'LPM0' : 'LPM1';
    if (this.mcu.clocks.smclk.running) return 'LPM3 with SMCLK';
    if ((status & SCG0) === 0) return 'LPM2';
    return (status & OSCOFF) === 0 ? 'LPM3' : 'LPM4';
  }

  private activeParts(): readonly PowerPart[] {
    const control = this.mcu.peekWord(ADC10CTL0);
    const busy = (this.mcu.peekWord(ADC10CTL1) & ADC10BUSY) !== 0;
    const reference = (control & REFON) !== 0;
    if (!busy) return reference ? referenceOnly : nothing;
    if (!reference) return coreOnly;
    if ((control & SREF_INTERNAL) === 0) return coreAndReference;
    return (control & ADC10SR) === 0 ? fastBuffer : slowBuffer;
  }
}

const nothing: readonly PowerPart[] = [];
const coreOnly: readonly PowerPart[] = ['ADC10 core'];
const referenceOnly: readonly PowerPart[] = ['ADC10 reference'];
const coreAndReference: readonly PowerPart[] = ['ADC10 core', 'ADC10 reference'];
const fastBuffer: readonly PowerPart[] = [...coreAndReference, 'ADC10 reference buffer'];
const slowBuffer: readonly PowerPart[] = [...coreAndReference, 'ADC10 reference buffer, ADC10SR'];
