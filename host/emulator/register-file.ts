/**
 * The registers of peripherals by address: 8-bit ones below 0x100, 16-bit ones from 0x100 to 0x1FF (SLAU144 "Memory
 * Organization": word access to byte modules reads 0 in the high half, byte writes to word modules clear the other half).
 */

import { EarlError } from '../../errors/index.ts';
import type { RegisterBus, RegisterHook } from './bus.ts';

export class RegisterFile implements RegisterBus {
  /** Place in `hooks` by byte address below 0x100 and, from there on, by word; 0: nobody. */
  private readonly places = new Uint8Array(0x180);
  private hooks: readonly (RegisterHook | undefined)[] = [undefined];

  mapByte(address: number, hook: RegisterHook): void {
    if (address < 0 || address > 0xff) throw new EarlError('REGISTER_RANGE', `no 8-bit register at ${hex(address)}`);
    this.take(address, address, hook);
  }

  mapWord(address: number, hook: RegisterHook): void {
    if (address < 0x100 || address > 0x1fe || (address & 1) !== 0) {
      throw new EarlError('REGISTER_RANGE', `no 16-bit register at ${hex(address)}`);
    }
    this.take(address, 0x100 + ((address - 0x100) >> 1), hook);
  }

  /** True when the address, or the word that holds it, has an owner. */
  mapped(address: number): boolean {
    return this.hook(address) !== undefined;
  }

  readByte(address: number): number {
    const value = this.hook(address)?.read?.() ?? 0;
    return address >= 0x100 && (address & 1) === 1 ? value >> 8 : value & 0xff;
  }

  readWord(address: number): number {
    const value = this.hook(address)?.read?.() ?? 0;
    return address < 0x100 ? value & 0xff : value;
  }

  writeByte(address: number, value: number): void {
    this.hook(address)?.write?.(address >= 0x100 && (address & 1) === 1 ? value << 8 : value);
  }

  writeWord(address: number, value: number): void {
    this.hook(address)?.write?.(address < 0x100 ? value & 0xff : value);
  }

  /** A byte without side effects. */
  peek(address: number): number {
    const hook = this.hook(address);
    const value = (hook?.peek ?? hook?.read)?.call(hook) ?? 0;
    return address >= 0x100 && (address & 1) === 1 ? value >> 8 : value & 0xff;
  }

  private hook(address: number): RegisterHook | undefined {
    return this.hooks[this.places[address < 0x100 ? address : 0x100 + ((address - 0x100) >> 1)]!];
  }

  private take(address: number, place: number, hook: RegisterHook): void {
    if (this.places[place] !== 0) throw taken(address);
    this.places[place] = this.hooks.length;
    this.hooks = this.hooks.concat(hook);
  }
}

function taken(address: number): EarlError {
  return new EarlError('REGISTER_TAKEN', `the register at ${hex(address)} has an owner already`);
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(4, '0')}`;
}
