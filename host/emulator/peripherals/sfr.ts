/**
 * Special function registers IE1, IE2, IFG1, IFG2 (SLAU144 "Interrupt Enable/Flag Registers", SLAS735 table "SFR").
 *
 * Their bits belong to other peripherals: WDT+, flash and clock own bits of IE1 and IFG1, USCI_A0 owns bits 0-1 and
 * USCI_B0 bits 2-3 of IE2 and IFG2. Each claims its bits with `own` and keeps the state itself; bits without an owner
 * read 0.
 */

import type { RegisterBus } from '../bus.ts';

export const sfrAddresses = { IE1: 0x00, IE2: 0x01, IFG1: 0x02, IFG2: 0x03 } as const;
export type SfrName = keyof typeof sfrAddresses;

/** How a peripheral answers for its bits. Values keep their place in the register (bit 2 is 0x04) and never have others. */
export interface SfrBits {
  /** Current bits. No side effects. */
  read(): number;
  /** Software wrote the register: these are the new values of the owned bits. */
  write(bits: number): void;
}

export class SpecialFunctionRegisters {
  private readonly owners: Record<SfrName, readonly { mask: number; bits: SfrBits }[]> = {
    IE1: [],
    IE2: [],
    IFG1: [],
    IFG2: [],
  };

  constructor(bus: RegisterBus) {
    for (const [name, address] of Object.entries(sfrAddresses) as [SfrName, number][]) {
      bus.mapByte(address, { read: () => this.read(name), write: (value) => this.write(name, value) });
    }
  }

  /** Claims the bits of `mask`. Throws when one of them has an owner. */
  own(name: SfrName, mask: number, bits: SfrBits): void {
    for (const owner of this.owners[name]) {
      if ((owner.mask & mask) !== 0) throw new Error(`${name}: bits ${owner.mask & mask} have an owner already`);
    }
    this.owners[name] = this.owners[name].concat({ mask, bits });
  }

  private read(name: SfrName): number {
    let value = 0;
    for (const owner of this.owners[name]) value |= owner.bits.read() & owner.mask;
    return value;
  }

  private write(name: SfrName, value: number): void {
    for (const owner of this.owners[name]) owner.bits.write(value & owner.mask);
  }
}
