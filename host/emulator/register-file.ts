/**
 * The registers of peripherals by address: 8-bit ones below 0x100, 16-bit ones from 0x100 to 0x1FF (SLAU144 "Memory
 * Organization": word access to byte modules reads 0 in the high half, byte writes to word modules clear the other half).
 *
 * Which address is whose is the same on all chips with the same peripherals, and so they share that table (`Layout`); a
 * chip has a list of its peripherals only.
 */

import { EarlError } from '../../errors/index.ts';
import type { RegisterBus, RegisterHook, RegisterOwner } from './bus.ts';

const wordsStart = 0x100;

export class RegisterFile implements RegisterBus {
  private layout = emptyLayout;
  private places = emptyLayout.places;
  private owners: readonly (RegisterOwner | undefined)[] = nobody;

  own(addresses: readonly number[], owner: RegisterOwner): void {
    for (const address of addresses) {
      if (this.owner(address) !== undefined) throw taken(address);
    }
    this.layout = this.layout.with(addresses);
    this.places = this.layout.places;
    this.owners = this.owners.concat(owner);
  }

  mapByte(address: number, hook: RegisterHook): void {
    if (address < 0 || address >= wordsStart) {
      throw new EarlError('REGISTER_RANGE', `no 8-bit register at ${hex(address)}`);
    }
    this.own([address], new HookOwner(hook));
  }

  mapWord(address: number, hook: RegisterHook): void {
    if (address < wordsStart || address > 0x1fe || (address & 1) !== 0) {
      throw new EarlError('REGISTER_RANGE', `no 16-bit register at ${hex(address)}`);
    }
    this.own([address], new HookOwner(hook));
  }

  /** True when the address, or the word that holds it, has an owner. */
  mapped(address: number): boolean {
    return this.owner(address) !== undefined;
  }

  readByte(address: number): number {
    if (address < wordsStart) return (this.owner(address)?.readRegister(address) ?? 0) & 0xff;
    const value = this.owner(address)?.readRegister(address & ~1) ?? 0;
    return (address & 1) === 1 ? value >> 8 : value & 0xff;
  }

  readWord(address: number): number {
    const value = this.owner(address)?.readRegister(address) ?? 0;
    return address < wordsStart ? value & 0xff : value;
  }

  writeByte(address: number, value: number): void {
    if (address < wordsStart) this.owner(address)?.writeRegister(address, value);
    else this.owner(address)?.writeRegister(address & ~1, (address & 1) === 1 ? value << 8 : value);
  }

  writeWord(address: number, value: number): void {
    this.owner(address)?.writeRegister(address, address < wordsStart ? value & 0xff : value);
  }

  /** A byte without side effects. */
  peek(address: number): number {
    if (address < wordsStart) return (this.owner(address)?.peekRegister(address) ?? 0) & 0xff;
    const value = this.owner(address)?.peekRegister(address & ~1) ?? 0;
    return (address & 1) === 1 ? value >> 8 : value & 0xff;
  }

  private owner(address: number): RegisterOwner | undefined {
    return this.owners[this.places[placeOf(address)]!];
  }
}

/** Bytes below 0x100 and, from there on, words. */
function placeOf(address: number): number {
  return address < wordsStart ? address : wordsStart + ((address - wordsStart) >> 1);
}

/** Nobody owns what has place 0. */
const nobody: readonly undefined[] = [undefined];

/** Number of the owner by place, after a row of owners came; the same for all chips with the same row. */
class Layout {
  readonly places: Uint8Array;
  private readonly owners: number;
  private readonly followers = new Map<string, Layout>();

  constructor(places: Uint8Array, owners: number) {
    this.places = places;
    this.owners = owners;
  }

  /** The layout after one more owner. */
  with(addresses: readonly number[]): Layout {
    const key = addresses.join();
    let layout = this.followers.get(key);
    if (layout === undefined) {
      if (this.owners === 0xff) throw new EarlError('REGISTER_RANGE', 'more than 255 owners of registers');
      const places = this.places.slice();
      for (const address of addresses) places[placeOf(address)] = this.owners + 1;
      layout = new Layout(places, this.owners + 1);
      this.followers.set(key, layout);
    }
    return layout;
  }
}

const emptyLayout = new Layout(new Uint8Array(0x180), 0);

class HookOwner implements RegisterOwner {
  private readonly hook: RegisterHook;

  constructor(hook: RegisterHook) {
    this.hook = hook;
  }

  readRegister(): number {
    return this.hook.read?.() ?? 0;
  }

  writeRegister(_address: number, value: number): void {
    this.hook.write?.(value);
  }

  peekRegister(): number {
    const { hook } = this;
    return (hook.peek ?? hook.read)?.call(hook) ?? 0;
  }
}

function taken(address: number): EarlError {
  return new EarlError('REGISTER_TAKEN', `the register at ${hex(address)} has an owner already`);
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(4, '0')}`;
}
