/**
 * The two interrupt vectors that USCI_A0 and USCI_B0 share, and their bits in IE2 and IFG2 (SLAU144, "USCI Interrupts in
 * UART Mode" and "in I2C Mode"; SLAS735, "Interrupt Vector Addresses").
 *
 * In I2C mode both data flags request USCIAB0TX, and the state flags of UCB0STAT request USCIAB0RX.
 */

import { vectors } from '../interrupts.ts';
import type { UsciChip } from './usci-clock.ts';

/** Flag and enable bits of one USCI, at their places in IE2 and IFG2. */
export class UsciFlags {
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
    chip.sfr.own('IFG2', mask, { read: () => this.flagBits, write: (bits) => this.assign(bits, this.enableBits) });
    chip.sfr.own('IE2', mask, { read: () => this.enableBits, write: (bits) => this.assign(this.flagBits, bits) });
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
  private readonly requests = { A: { receive: false, transmit: false }, B: { receive: false, transmit: false } };

  constructor(chip: UsciChip) {
    this.chip = chip;
  }

  /** States what one USCI wants on the RX and on the TX vector. */
  request(unit: 'A' | 'B', receive: boolean, transmit: boolean): void {
    const request = this.requests[unit];
    request.receive = receive;
    request.transmit = transmit;
    const { A, B } = this.requests;
    this.chip.interrupts.set(vectors.USCIAB0RX, A.receive || B.receive);
    this.chip.interrupts.set(vectors.USCIAB0TX, A.transmit || B.transmit);
  }
}
