/**
 * Flash memory controller (SLAU144 "Flash Memory Controller", timings SLAS735 "Flash Memory"): keys, byte, word and block
 * writes, segment and mass erase, LOCK and LOCKA, busy times.
 *
 * Contents change when an operation starts; while it lasts the CPU is held, or, when it runs from RAM, finds BUSY set
 * and flash vacant. A block write is busy from its first word until software clears BLKWRT; WAIT tells when it takes the
 * next. Left out: cumulative programming time and wear. The chip has no EEI and no marginal reads.
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import type { ClockDomain } from '../clock-domain.ts';
import { flashStart } from '../flash-contents.ts';
import { type InterruptLines, type InterruptSource, vectors } from '../interrupts.ts';
import { infoStart } from '../memory.ts';
import type { ScheduledEvent, Scheduler } from '../scheduler.ts';
import type { SfrOwner, SpecialFunctionRegisters } from './sfr.ts';

const ERASE = 0x02;
const MERAS = 0x04;
const WRT = 0x40;
const BLKWRT = 0x80;
const BUSY = 0x01;
const KEYV = 0x02;
const ACCVIFG = 0x04;
const WAIT = 0x08;
const LOCK = 0x10;
const EMEX = 0x20;
const LOCKA = 0x40;
const writeKey = 0xa5;
const readKey = 0x9600;
const ACCVIE = 0x20;
const infoA = 0x10c0;

/** Cycles of the flash timing generator. */
const timing = { word: 30, blockFirst: 25, blockNext: 18, blockEnd: 6, segmentErase: 4819, massErase: 10593 } as const;

export interface FlashControllerOptions {
  readonly mclk: ClockDomain;
  readonly smclk: ClockDomain;
  readonly aclk: ClockDomain;
  /** Changes a byte of flash or info memory. */
  set(address: number, value: number): void;
  /** A byte as it is stored. */
  get(address: number): number;
  /** The memory is busy until a time in DCO cycles: holds a CPU that runs from it. */
  busyUntil(time: number): void;
  busyEnded(): void;
  requestNmi(source: 'flash-access', requested: boolean): void;
  keyViolation(): void;
  writeIgnored(address: number): void;
}

const registers = { FCTL1: 0x128, FCTL2: 0x12a, FCTL3: 0x12c } as const;
const addresses: readonly number[] = Object.values(registers);

export class FlashController implements RegisterOwner, SfrOwner, InterruptSource {
  private readonly scheduler: Scheduler;
  private readonly options: FlashControllerOptions;
  private fctl1 = 0;
  private fctl2 = 0x42;
  private fctl3 = LOCKA | LOCK | WAIT;
  private blockStarted = false;
  private accessInterrupt = false;
  private event: ScheduledEvent | undefined = undefined;

  constructor(
    scheduler: Scheduler,
    bus: RegisterBus,
    sfr: SpecialFunctionRegisters,
    interrupts: InterruptLines,
    options: FlashControllerOptions,
  ) {
    this.scheduler = scheduler;
    this.options = options;
    bus.own(addresses, this);
    sfr.claim('IE1', ACCVIE, this);
    interrupts.attach(vectors.NMI, this);
  }

  readRegister(address: number): number {
    if (address === registers.FCTL1) return readKey | this.fctl1;
    return readKey | (address === registers.FCTL2 ? this.fctl2 : this.fctl3);
  }

  peekRegister(address: number): number {
    return this.readRegister(address);
  }

  writeRegister(address: number, value: number): void {
    if (value >> 8 !== writeKey) {
      this.fctl3 |= KEYV;
      this.options.keyViolation();
    } else if (address === registers.FCTL1) this.writeMode(value);
    else if (address === registers.FCTL3) this.writeLocks(value);
    else if (this.busy) this.accessViolation();
    else this.fctl2 = value & 0xff;
  }

  readSfr(): number {
    return this.accessInterrupt ? ACCVIE : 0;
  }

  writeSfr(_address: number, bits: number): void {
    this.accessInterrupt = bits !== 0;
    this.request();
  }

  /** The CPU took the NMI vector. */
  interruptAccepted(): void {
    this.accessInterrupt = false;
    this.request();
  }

  reset(por: boolean): void {
    this.fctl1 = 0;
    this.fctl2 = 0x42;
    // A block that waited for its next word is over with BLKWRT.
    const lasting = this.event === undefined ? 0 : BUSY;
    const kept = this.fctl3 & (por ? lasting : lasting | KEYV);
    this.fctl3 = LOCKA | LOCK | WAIT | kept;
    this.accessInterrupt = false;
    this.blockStarted = false;
    this.request();
  }

  /** Software writes to an address in flash or info memory. */
  write(address: number, value: number, byte: boolean): void {
    if (this.busy && (this.fctl3 & WAIT) === 0) {
      this.accessViolation();
      return;
    }
    if ((this.fctl3 & LOCK) !== 0) {
      this.options.writeIgnored(address);
      return;
    }
    if ((this.fctl1 & (MERAS | ERASE)) !== 0) this.erase(address);
    else if ((this.fctl1 & (WRT | BLKWRT)) !== 0) this.program(address, value, byte);
    else this.accessViolation();
  }

  private get busy(): boolean {
    return (this.fctl3 & BUSY) !== 0;
  }

  private writeMode(value: number): void {
    if (this.busy && (this.fctl1 & BLKWRT) === 0) {
      this.accessViolation();
      return;
    }
    this.fctl1 = value & (BLKWRT | WRT | MERAS | ERASE);
    if ((this.fctl1 & BLKWRT) !== 0) return;
    this.blockStarted = false;
    // The programming voltage goes. A word that is on its way ends first: then its own end is the block's.
    if (this.busy && this.event === undefined) this.begin(timing.blockEnd);
  }

  private writeLocks(value: number): void {
    const toggledLockA = (this.fctl3 ^ (value & LOCKA)) & LOCKA;
    const software = LOCK | ACCVIFG | KEYV;
    this.fctl3 = (this.fctl3 & (BUSY | WAIT)) | toggledLockA | (value & software);
    if ((value & EMEX) !== 0) {
      this.fctl1 = 0;
      this.finish();
    }
    this.request();
  }

  private accessViolation(): void {
    this.fctl3 |= ACCVIFG;
    this.request();
  }

  private request(): void {
    this.options.requestNmi('flash-access', this.accessInterrupt && (this.fctl3 & ACCVIFG) !== 0);
  }

  private locked(address: number): boolean {
    return address < flashStart && address >= infoA && (this.fctl3 & LOCKA) !== 0;
  }

  /** Programming only clears bits. */
  private program(address: number, value: number, byte: boolean): void {
    if (this.locked(address)) {
      this.options.writeIgnored(address);
      return;
    }
    const { options } = this;
    if (byte) options.set(address, options.get(address) & value);
    else {
      const even = address & 0xfffe;
      options.set(even, options.get(even) & value & 0xff);
      options.set(even + 1, options.get(even + 1) & (value >> 8));
    }
    let cycles: number = timing.word;
    if ((this.fctl1 & BLKWRT) !== 0) {
      cycles = this.blockStarted ? timing.blockNext : timing.blockFirst;
      this.blockStarted = true;
    }
    this.begin(cycles);
  }

  private erase(address: number): void {
    const mode = this.fctl1 & (MERAS | ERASE);
    if (mode === ERASE) {
      if (this.locked(address)) {
        this.options.writeIgnored(address);
        return;
      }
      const size = address >= flashStart ? 512 : 64;
      this.fill(address & ~(size - 1), size);
      this.begin(timing.segmentErase);
      return;
    }
    this.fill(flashStart, 0x4000);
    if (mode === (MERAS | ERASE) && (this.fctl3 & LOCKA) === 0) this.fill(infoStart, 0x100);
    this.begin(timing.massErase);
  }

  private fill(start: number, size: number): void {
    for (let address = start; address < start + size; address++) this.options.set(address, 0xff);
  }

  private begin(timingCycles: number): void {
    const { mclk, smclk, aclk } = this.options;
    const select = this.fctl2 >> 6;
    const source = select === 0 ? aclk : select === 1 ? mclk : smclk;
    // A dead clock would hang silicon; it would never let the program go on, which helps nobody.
    const sourceHz = source.running ? source.frequencyHz : mclk.frequencyHz;
    const seconds = (timingCycles * ((this.fctl2 & 0x3f) + 1)) / sourceHz;
    const until = this.scheduler.now + Math.max(1, this.scheduler.cycles(seconds));
    this.fctl3 |= BUSY;
    if ((this.fctl1 & BLKWRT) !== 0) this.fctl3 &= ~WAIT;
    this.scheduler.cancel(this.event);
    this.event = this.scheduler.schedule(until, () => this.finish());
    this.options.busyUntil(until);
  }

  private finish(): void {
    this.scheduler.cancel(this.event);
    this.event = undefined;
    this.fctl3 |= WAIT;
    if ((this.fctl1 & BLKWRT) !== 0) return;
    this.fctl3 &= ~BUSY;
    this.options.busyEnded();
  }
}
