/**
 * Special function registers IE1, IE2, IFG1, IFG2 (SLAU144 "Interrupt Enable/Flag Registers", SLAS735 table "SFR").
 *
 * Their bits belong to other peripherals: WDT+, flash and clock own bits of IE1 and IFG1, USCI_A0 owns bits 0-1 and
 * USCI_B0 bits 2-3 of IE2 and IFG2. Each claims its bits with `own` and keeps the state itself; bits without an owner
 * read 0.
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';

export const sfrAddresses = { IE1: 0x00, IE2: 0x01, IFG1: 0x02, IFG2: 0x03 } as const;
export type SfrName = keyof typeof sfrAddresses;

/** How a peripheral answers for its bits. Values keep their place in the register (bit 2 is 0x04) and never have others. */
export interface SfrBits {
  /** Current bits. No side effects. */
  read(): number;
  /** Software wrote the register: these are the new values of the owned bits. */
  write(bits: number): void;
}

/** The same for a peripheral that has bits in several of the registers: asked by the register's address. */
export interface SfrOwner {
  readSfr(address: number): number;
  writeSfr(address: number, bits: number): void;
}

interface Claim {
  readonly mask: number;
  readonly owner: SfrOwner;
}

const addresses: readonly number[] = Object.values(sfrAddresses);
const unclaimed: readonly Claim[] = [];

export class SpecialFunctionRegisters implements RegisterOwner {
  /** By address. */
  private claims: readonly (readonly Claim[])[] = [unclaimed, unclaimed, unclaimed, unclaimed];

  constructor(bus: RegisterBus) {
    bus.own(addresses, this);
  }

  /** Claims the bits of `mask`. Throws when one of them has an owner. */
  own(name: SfrName, mask: number, bits: SfrBits): void {
    this.claim(name, mask, { readSfr: () => bits.read(), writeSfr: (_, value) => bits.write(value) });
  }

  /** Claims the bits of `mask` for a peripheral. Throws when one of them has an owner. */
  claim(name: SfrName, mask: number, owner: SfrOwner): void {
    const address = sfrAddresses[name];
    for (const claim of this.claims[address]!) {
      if ((claim.mask & mask) !== 0) throw new Error(`${name}: bits ${claim.mask & mask} have an owner already`);
    }
    this.claims = this.claims.map((claims, at) => (at === address ? claims.concat({ mask, owner }) : claims));
  }

  readRegister(address: number): number {
    let value = 0;
    for (const { mask, owner } of this.claims[address]!) value |= owner.readSfr(address) & mask;
    return value;
  }

  writeRegister(address: number, value: number): void {
    for (const { mask, owner } of this.claims[address]!) owner.writeSfr(address, value & mask);
  }

  peekRegister(address: number): number {
    return this.readRegister(address);
  }
}
