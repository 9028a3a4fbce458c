/**
 * The two interrupt vectors that USCI_A0 and USCI_B0 share, and their bits in IE2 and IFG2 (SLAU144, "USCI Interrupts in
 * UART Mode" and "in I2C Mode"; SLAS735, "Interrupt Vector Addresses").
 *
 * In I2C mode both data flags request USCIAB0TX, and the state flags of UCB0STAT request USCIAB0RX.
 */

import { vectors } from '../interrupts.ts';
import { type SfrOwner, sfrAddresses } from './sfr.ts';
import type { UsciChip } from './usci-clock.ts';

/** Flag and enable bits of one USCI, at their places in IE2 and IFG2. */
export class UsciFlags implements SfrOwner {
  readonly receive: number;
  readonly transmit: number;
  private readonly changed: () => void;
  private flagBits = 0;
  private enableBits = 0;

  constructor(chip: UsciChip, receive: number, transmit: number, changed: () => void) {
    this.receive = receive;
    this.transmit = transmit;
    this.changed = changed;
    const mask = receive | transmit;
    chip.sfr.claim('IFG2', mask, this);
    chip.sfr.claim('IE2', mask, this);
  }

  readSfr(address: number): number {
    return address === sfrAddresses.IFG2 ? this.flagBits : this.enableBits;
  }

  writeSfr(address: number, bits: number): void {
    if (address === sfrAddresses.IFG2) this.assign(bits, this.enableBits);
    else this.assign(this.flagBits, bits);
  }

  get flags(): number {
    return this.flagBits;
  }

  get enables(): number {
    return this.enableBits;
  }

  /** Bits that are flagged and enabled. */
  get pending(): number {
    return this.flagBits & this.enableBits;
  }

  raise(bits: number): void {
    this.assign(this.flagBits | bits, this.enableBits);
  }

  clear(bits: number): void {
    this.assign(this.flagBits & ~bits, this.enableBits);
  }

  assign(flags: number, enables: number): void {
    this.flagBits = flags;
    this.enableBits = enables;
    this.changed();
  }
}

/** ORs what both USCIs request on each vector. */
export class UsciInterrupts {
  private readonly chip: UsciChip;
  /** Which USCIs request the vector: 1 for A, 2 for B. */
  private receiving = 0;
  private transmitting = 0;

  constructor(chip: UsciChip) {
    this.chip = chip;
  }

  /** States what one USCI wants on the RX and on the TX vector. */
  request(unit: 'A' | 'B', receive: boolean, transmit: boolean): void {
    const bit = unit === 'A' ? 1 : 2;
    this.receiving = receive ? this.receiving | bit : this.receiving & ~bit;
    this.transmitting = transmit ? this.transmitting | bit : this.transmitting & ~bit;
    this.chip.interrupts.set(vectors.USCIAB0RX, this.receiving !== 0);
    this.chip.interrupts.set(vectors.USCIAB0TX, this.transmitting !== 0);
  }
}
