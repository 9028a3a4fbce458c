/**
 * The serial bootstrap loader of an MSP430G2553, as its other end sees it: entry by TEST and RST, 8E1 on P1.1 and P1.5,
 * frames, password, erasing, reading, writing (SLAU319 "Bootloader Protocol - 1xx, 2xx, and 4xx Families").
 *
 * This is a model of the ROM's protocol, not the ROM's code: the CPU sleeps while it is active. Flash takes the times of
 * SLAU144's flash controller at 333 kHz. Chosen where the manual is silent: a block is programmed after its checksum was
 * right; a wrong byte is answered with a NAK at once; starting clears LOCKA, as users of this
 * chip have found, so that a mass erase and a wrong password take info A too. Left out: the loader's use of RAM.
 */

import { BslUart } from './bsl-uart.ts';
import type { Mcu } from './mcu.ts';
import type { Level } from './peripherals/pin.ts';

const ACK = 0x90;
const NAK = 0xa0;
const HEADER = 0x80;

const command = {
  password: 0x10,
  write: 0x12,
  read: 0x14,
  erase: 0x16,
  massErase: 0x18,
  loadPc: 0x1a,
  eraseCheck: 0x1c,
  version: 0x1e,
  changeBaud: 0x20,
} as const;

const eraseSegment = 0xa502;
const eraseMain = 0xa504;
const massErase = 0xa506;

/** Word at 0xFFDE: what a wrong password does, and whether the loader starts at all (SLAS735 "Interrupt Vectors", note). */
const keyAddress = 0xffde;
const keyLoaderOff = 0xaa55;
const keyNoErase = 0x0000;

const passwordAddress = 0xffe0;
const passwordLength = 32;
const flashStart = 0xc000;
const infoStart = 0x1000;
const infoEnd = 0x1100;
/** SLAU144 "Flash Memory Controller": in cycles of the flash timing generator. */
const flashHz = 333_333;
const flashCycles = { word: 30, segment: 4819, mass: 10_593 } as const;

const firstBaud = 9600;
/** D3 of the command to change the rate; the 2xx loader has no more. */
const bauds: Readonly<Record<number, number>> = { 0: 9600, 1: 19_200, 2: 38_400 };
/** From the end of a frame to the start of its answer. */
const replyDelayS = 0.0012;
/** A frame that stops for this long is given up. */
const frameTimeoutS = 2;

const CPUOFF = 0x10;
const P1OUT = 0x21;
const P1DIR = 0x22;
const WDTCTL = 0x120;
const TX = 0x02;

export interface BslOptions {
  /** Two bytes at 0x0FFA: version of the loader. Default 2.02. */
  readonly version?: readonly [number, number];
  /** Two bytes at 0x0FF0. Default 25 53. */
  readonly chipId?: readonly [number, number];
}

/** What happened, for whoever watches. */
export type BslEvent = 'entered' | 'left' | 'unlocked' | 'wrong_password' | 'erased';

export class Bsl {
  onEvent: (event: BslEvent) => void = () => {};

  private readonly mcu: Mcu;
  private readonly options: BslOptions;
  private uart: BslUart | undefined;
  private resetPin: Level = 1;
  private testPin: Level = 0;
  /** Rising edges of TEST while RST is low. */
  private testEdges = 0;
  private resetting = false;
  private unlocked = false;
  private frame: number[] = [];
  private busy = false;
  private lastByteAt = 0;

  constructor(mcu: Mcu, options: BslOptions = {}) {
    this.mcu = mcu;
    this.options = options;
    mcu.onReset(() => {
      // A reset that did not come from the pins (watchdog, power): the program runs.
      if (!this.resetting) this.leave();
    });
  }

  get active(): boolean {
    return this.uart !== undefined;
  }

  /** Level of the RST pin. */
  setReset(level: Level): void {
    if (level === this.resetPin) return;
    this.resetPin = level;
    // As an NMI input it resets nothing, and the loader cannot be entered (SLAU319 "BSL Invocation").
    if (this.mcu.peripherals.watchdog.pinIsNmi && !this.active) {
      if (level === 0) this.mcu.reset('pin');
      return;
    }
    if (level === 0) {
      this.testEdges = 0;
      this.hold();
    } else if (this.testEdges >= 2 && this.testPin === 1 && this.word(keyAddress) !== keyLoaderOff) this.enter();
    else this.mcu.reset('pin');
  }

  /** Level of the TEST pin. */
  setTest(level: Level): void {
    if (level === 1 && this.testPin === 0 && this.resetPin === 0) this.testEdges++;
    this.testPin = level;
  }

  // ---- starting and leaving

  /** RST is low: the chip stands, its pins are inputs. */
  private hold(): void {
    this.leave();
    this.resetting = true;
    this.mcu.reset('pin');
    this.resetting = false;
    this.stopCpu();
  }

  private stopCpu(): void {
    this.mcu.bus.writeWord(WDTCTL, 0x5a80);
    this.mcu.setRegister(2, CPUOFF);
  }

  private enter(): void {
    const { mcu } = this;
    this.unlocked = false;
    this.frame = [];
    this.busy = false;
    this.drive(1);
    mcu.bus.writeByte(P1DIR, mcu.bus.readByte(P1DIR) | TX);
    const uart = new BslUart(mcu.scheduler, { input: mcu.pin(1, 5), drive: (level) => this.drive(level) }, firstBaud);
    uart.onByte = (byte) => this.byte(byte);
    this.uart = uart;
    this.onEvent('entered');
  }

  private leave(): void {
    if (this.uart === undefined) return;
    this.uart.stop();
    this.uart = undefined;
    this.onEvent('left');
  }

  private drive(level: Level): void {
    const { bus } = this.mcu;
    const others = bus.readByte(P1OUT) & ~TX;
    bus.writeByte(P1OUT, level === 1 ? others | TX : others);
  }

  // ---- frames

  private byte(byte: number | undefined): void {
    if (this.busy) return; // it does not listen while it works
    const now = this.mcu.scheduler.seconds();
    if (this.frame.length > 0 && now - this.lastByteAt > frameTimeoutS) this.frame = [];
    this.lastByteAt = now;
    if (byte === undefined) {
      if (this.frame.length > 0) this.refuse();
      return;
    }
    if (this.frame.length === 0) {
      if (byte === HEADER) this.synchronise();
      return;
    }
    this.frame.push(byte);
    this.check();
  }

  /** The first 80 is answered; the frame that follows begins with another. */
  private synchronise(): void {
    this.frame = [HEADER];
    this.busy = true;
    this.after(replyDelayS, () => {
      this.busy = false;
      this.reply([ACK]);
    });
  }

  private check(): void {
    // frame[0] is the synchronisation, frame[1] the header.
    const [, header, , length, again] = this.frame;
    if (header !== HEADER) this.refuse();
    else if (again !== undefined && (again !== length || length! < 4 || length! % 2 !== 0)) this.refuse();
    else if (length !== undefined && this.frame.length === 1 + 4 + length + 2) this.complete(this.frame.slice(1));
  }

  private complete(frame: readonly number[]): void {
    this.frame = [];
    if (frame.filter((_, index) => index % 2 === 0).reduce((sum, byte) => sum ^ byte, 0xff) !== 0) {
      this.refuse();
      return;
    }
    if (frame.filter((_, index) => index % 2 === 1).reduce((sum, byte) => sum ^ byte, 0xff) !== 0) {
      this.refuse();
      return;
    }
    const word = (index: number) => frame[index]! | (frame[index + 1]! << 8);
    this.execute(frame[1]!, word(4), word(6), frame.slice(8, -2));
  }

  private refuse(): void {
    this.frame = [];
    this.answer(replyDelayS, [NAK]);
  }

  private execute(code: number, address: number, length: number, data: readonly number[]): void {
    switch (code) {
      case command.password:
        this.password(data);
        return;
      case command.massErase:
        if (length !== massErase) {
          this.refuse();
          return;
        }
        this.massErase([ACK]);
        return;
      case command.version:
        this.answer(replyDelayS, dataFrame(this.version()));
        return;
      case command.changeBaud:
        this.changeBaud(length & 0xff);
        return;
    }
    if (!this.unlocked) {
      this.refuse();
      return;
    }
    switch (code) {
      case command.write:
        this.write(address, length, data);
        return;
      case command.read:
        this.read(address, length);
        return;
      case command.erase:
        this.erase(address, length);
        return;
      case command.eraseCheck:
        this.answer(replyDelayS, [this.isErased(address, length) ? ACK : NAK]);
        return;
      case command.loadPc:
        this.loadPc(address);
        return;
      default:
        this.refuse();
        return;
    }
  }

  // ---- commands

  private password(data: readonly number[]): void {
    if (data.length !== passwordLength) {
      this.refuse();
      return;
    }
    this.unlocked = data.every((byte, index) => byte === this.mcu.peek(passwordAddress + index));
    this.onEvent(this.unlocked ? 'unlocked' : 'wrong_password');
    if (this.unlocked) this.answer(replyDelayS, [ACK]);
    else if (this.word(keyAddress) === keyNoErase) this.refuse();
    else this.massErase([NAK]);
  }

  private massErase(reply: readonly number[]): void {
    this.work(flashCycles.mass, reply, () => {
      this.fill(flashStart, 0x10000);
      this.fill(infoStart, infoEnd);
    });
  }

  private erase(address: number, mode: number): void {
    const inFlash = address >= flashStart;
    const inInfo = address >= infoStart && address < infoEnd;
    if (!inFlash && !inInfo) {
      this.refuse();
      return;
    }
    if (mode === eraseSegment) {
      const size = inFlash ? 512 : 64;
      const start = address - (address % size);
      this.work(flashCycles.segment, [ACK], () => this.fill(start, start + size));
    } else if (mode === eraseMain) {
      this.work(flashCycles.mass, [ACK], () =>
        inFlash ? this.fill(flashStart, 0x10000) : this.fill(infoStart, infoEnd),
      );
    } else this.refuse();
  }

  private write(address: number, length: number, data: readonly number[]): void {
    if (length !== data.length || address + length > 0x10000) {
      this.refuse();
      return;
    }
    if (address < 0x200) {
      this.writeRegisters(address, data);
      return;
    }
    const flash = address >= infoStart;
    this.busy = true;
    this.after(replyDelayS + (flash ? ((flashCycles.word / flashHz) * length) / 2 : 0), () => {
      this.busy = false;
      this.reply([this.program(address, data) ? ACK : NAK]);
    });
  }

  /** Programming clears bits only; a byte that cannot become what was asked for is a NAK. */
  private program(address: number, data: readonly number[]): boolean {
    const { mcu } = this;
    return data.every((byte, index) => {
      const at = address + index;
      const inRam = at >= 0x200 && at < 0x400;
      if (!inRam && at < flashStart && (at < infoStart || at >= infoEnd)) return false;
      mcu.poke(at, Uint8Array.of(inRam ? byte : byte & mcu.peek(at)));
      return mcu.peek(at) === byte;
    });
  }

  private writeRegisters(address: number, data: readonly number[]): void {
    const { bus } = this.mcu;
    this.answer(replyDelayS, [ACK]);
    if (address < 0x100)
      data.forEach((byte, index) => {
        bus.writeByte(address + index, byte);
      });
    else for (let i = 0; i < data.length; i += 2) bus.writeWord(address + i, data[i]! | (data[i + 1]! << 8));
  }

  private read(address: number, length: number): void {
    if (length === 0 || length > 250 || address + length > 0x10000) {
      this.refuse();
      return;
    }
    const data = Array.from({ length }, (_, index) => this.mcu.peek(address + index));
    this.answer(replyDelayS, dataFrame(data));
  }

  private loadPc(address: number): void {
    this.busy = true;
    this.after(replyDelayS, () => {
      const { uart, mcu } = this;
      uart!.onIdle = () => {
        this.leave();
        mcu.setRegister(2, 0);
        mcu.setRegister(0, address);
      };
      this.reply([ACK]);
    });
  }

  private changeBaud(code: number): void {
    const baud = bauds[code];
    if (baud === undefined) {
      this.refuse();
      return;
    }
    const { uart } = this;
    uart!.onIdle = () => {
      uart!.onIdle = () => {};
      uart!.baud = baud;
    };
    this.answer(replyDelayS, [ACK]);
  }

  private version(): number[] {
    const [chipHigh, chipLow] = this.options.chipId ?? [0x25, 0x53];
    const [major, minor] = this.options.version ?? [0x02, 0x02];
    return [chipHigh, chipLow, 0, 0, 0, 0, 0, 0, 0, 0, major, minor, 0, 0, 0, 0];
  }

  // ---- memory and time

  private fill(start: number, end: number): void {
    this.mcu.poke(start, new Uint8Array(end - start).fill(0xff));
    this.onEvent('erased');
  }

  private isErased(address: number, length: number): boolean {
    for (let at = address; at < address + length; at++) if (this.mcu.peek(at & 0xffff) !== 0xff) return false;
    return true;
  }

  private word(address: number): number {
    return this.mcu.peekWord(address);
  }

  /** Flash is busy; the answer comes when it is done. */
  private work(cycles: number, reply: readonly number[], done: () => void): void {
    this.busy = true;
    this.after(cycles / flashHz, () => {
      done();
      this.busy = false;
      this.reply(reply);
    });
  }

  private answer(delayS: number, bytes: readonly number[]): void {
    this.busy = true;
    this.after(delayS, () => {
      this.busy = false;
      this.reply(bytes);
    });
  }

  private reply(bytes: readonly number[]): void {
    this.uart?.send(Uint8Array.from(bytes));
  }

  /** Later, unless the loader was left meanwhile: flash that was being erased then is still erased. */
  private after(seconds: number, run: () => void): void {
    const { scheduler } = this.mcu;
    const { uart } = this;
    scheduler.after(scheduler.cycles(seconds), () => {
      if (this.uart === uart) run();
    });
  }
}

/** `80 00 L L data CKL CKH`. */
function dataFrame(data: readonly number[]): number[] {
  const frame = [HEADER, 0, data.length, data.length, ...data];
  const sum = (odd: number) => frame.reduce((total, byte, index) => (index % 2 === odd ? total ^ byte : total), 0xff);
  return [...frame, sum(0), sum(1)];
}
