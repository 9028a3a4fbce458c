/**
 * The address space of an MSP430G2553 (SLAS735 "Memory Organization"): registers, 512 B RAM, 256 B info memory, 16 KB
 * flash. Left out: the boot loader's ROM at 0x0C00, which reads as unmapped.
 *
 * Per board it keeps RAM and info memory only; flash contents are shared until written. Words are aligned as the bus
 * aligns them: bit 0 of the address is ignored.
 */

import { type FlashContents, flashStart } from './flash-contents.ts';
import type { RegisterFile } from './register-file.ts';

export const ramStart = 0x0200;
export const ramEnd = 0x0400;
export const infoStart = 0x1000;
export const infoEnd = 0x1100;
/** What vacant memory reads: `JMP $`. */
export const vacantWord = 0x3fff;

/** What memory needs from the chip around it. */
export interface MemoryHost {
  /** Before a register is accessed: bring the scheduler's time up to date. */
  beforeRegister(): void;
  /** After it: interrupts, clocks or events may have changed. */
  afterRegister(): void;
  /** Software writes to flash or info memory. */
  flashWrite(address: number, value: number, byte: boolean): void;
  /** Software touched something that does not exist or is not aligned. */
  complain(code: 'UNMAPPED_READ' | 'UNMAPPED_WRITE' | 'ODD_ADDRESS', address: number): void;
}

export class Memory {
  readonly ram = new Uint8Array(ramEnd - ramStart);
  /** The same as words in the host's order. */
  readonly ramWords = new Uint16Array(this.ram.buffer);
  readonly info = new Uint8Array(infoEnd - infoStart).fill(0xff);
  flash: FlashContents;
  /** While the flash controller writes or erases, flash and info memory read as vacant. */
  flashBusy = false;

  private readonly registers: RegisterFile;
  private readonly host: MemoryHost;
  private flashShared = true;

  /** @param flash contents that other boards may use too: they are copied before the first write */
  constructor(registers: RegisterFile, flash: FlashContents, host: MemoryHost) {
    this.flash = flash;
    this.registers = registers;
    this.host = host;
  }

  /** Takes flash contents that other boards may use too. */
  share(contents: FlashContents): void {
    this.flash = contents;
    this.flashShared = true;
  }

  readWord(address: number): number {
    if ((address & 1) !== 0) return this.readOddWord(address);
    if (address >= flashStart && !this.flashBusy) {
      const bytes = this.flash.bytes;
      const offset = address - flashStart;
      return bytes[offset]! | (bytes[offset + 1]! << 8);
    }
    if (address >= ramStart && address < ramEnd) {
      const offset = address - ramStart;
      return this.ram[offset]! | (this.ram[offset + 1]! << 8);
    }
    return this.readWordElsewhere(address);
  }

  readByte(address: number): number {
    if (address >= flashStart && !this.flashBusy) return this.flash.bytes[address - flashStart]!;
    if (address >= ramStart && address < ramEnd) return this.ram[address - ramStart]!;
    if (address < ramStart) {
      this.host.beforeRegister();
      if (!this.registers.mapped(address)) this.host.complain('UNMAPPED_READ', address);
      const value = this.registers.readByte(address);
      this.host.afterRegister();
      return value;
    }
    const word = this.readWordElsewhere(address & ~1);
    return (address & 1) === 1 ? word >> 8 : word & 0xff;
  }

  writeWord(address: number, value: number): void {
    if (address >= ramStart && address < ramEnd && (address & 1) === 0) {
      const offset = address - ramStart;
      this.ram[offset] = value;
      this.ram[offset + 1] = value >> 8;
    } else this.writeWordElsewhere(address, value);
  }

  writeByte(address: number, value: number): void {
    if (address >= ramStart && address < ramEnd) this.ram[address - ramStart] = value;
    else if (address < ramStart) {
      this.host.beforeRegister();
      if (!this.registers.mapped(address)) this.host.complain('UNMAPPED_WRITE', address);
      this.registers.writeByte(address, value);
      this.host.afterRegister();
    } else this.writeFlash(address, value, true);
  }

  /** A byte without side effects, as a debugger sees it. */
  peek(address: number): number {
    if (address >= flashStart) return this.flash.bytes[address - flashStart]!;
    if (address < ramStart) return this.registers.peek(address);
    if (address < ramEnd) return this.ram[address - ramStart]!;
    if (address >= infoStart && address < infoEnd) return this.info[address - infoStart]!;
    return (address & 1) === 1 ? vacantWord >> 8 : vacantWord & 0xff;
  }

  peekWord(address: number): number {
    const even = address & 0xfffe;
    return this.peek(even) | (this.peek(even + 1) << 8);
  }

  /** Sets a byte of RAM, info memory or flash with no controller in between; false elsewhere. */
  poke(address: number, value: number): boolean {
    if (address >= flashStart) this.ownFlash().set(address - flashStart, value);
    else if (address >= ramStart && address < ramEnd) this.ram[address - ramStart] = value;
    else if (address >= infoStart && address < infoEnd) this.info[address - infoStart] = value;
    else return false;
    return true;
  }

  private ownFlash(): FlashContents {
    if (this.flashShared) {
      this.flash = this.flash.clone();
      this.flashShared = false;
    }
    return this.flash;
  }

  private readOddWord(address: number): number {
    this.host.complain('ODD_ADDRESS', address);
    return this.readWord(address & 0xfffe);
  }

  private readWordElsewhere(address: number): number {
    if (address < ramStart) {
      this.host.beforeRegister();
      if (!this.registers.mapped(address)) this.host.complain('UNMAPPED_READ', address);
      const value = this.registers.readWord(address);
      this.host.afterRegister();
      return value;
    }
    if (address >= infoStart && address < infoEnd && !this.flashBusy) {
      const offset = address - infoStart;
      return this.info[offset]! | (this.info[offset + 1]! << 8);
    }
    if (!this.isFlash(address)) this.host.complain('UNMAPPED_READ', address);
    return vacantWord;
  }

  private writeWordElsewhere(address: number, value: number): void {
    if ((address & 1) !== 0) {
      this.host.complain('ODD_ADDRESS', address);
      this.writeWord(address & 0xfffe, value);
    } else if (address < ramStart) {
      this.host.beforeRegister();
      if (!this.registers.mapped(address)) this.host.complain('UNMAPPED_WRITE', address);
      this.registers.writeWord(address, value);
      this.host.afterRegister();
    } else this.writeFlash(address, value, false);
  }

  private writeFlash(address: number, value: number, byte: boolean): void {
    if (!this.isFlash(address)) this.host.complain('UNMAPPED_WRITE', address);
    else {
      this.host.beforeRegister();
      this.host.flashWrite(address, value, byte);
      this.host.afterRegister();
    }
  }

  private isFlash(address: number): boolean {
    return address >= flashStart || (address >= infoStart && address < infoEnd);
  }
}
