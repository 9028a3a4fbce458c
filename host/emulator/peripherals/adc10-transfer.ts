/**
 * The ADC10's data transfer controller (SLAU144 "ADC10 Data Transfer Controller"): one- and two-block mode, stop after a
 * block or continuous. When a transfer happens and what it costs the CPU is adc10.ts.
 */

import type { RegisterOwner } from '../bus.ts';

const B1 = 0x02;
const CT = 0x04;
const TB = 0x08;

export const transferRegisters = { ADC10DTC0: 0x48, ADC10DTC1: 0x49, ADC10SA: 0x1bc } as const;

/** Takes a word for an address in memory. */
export interface ResultStore {
  store(address: number, value: number): void;
}

export class Adc10Transfer implements RegisterOwner {
  private readonly store: ResultStore;
  private control = 0;
  private count = 0;
  private startAddress = 0x200;
  private pointer = 0x200;
  private left = 0;
  /** True while results are taken: from ADC10SA until the last block is full. */
  running = false;

  constructor(store: ResultStore) {
    this.store = store;
  }

  readRegister(address: number): number {
    if (address === transferRegisters.ADC10DTC0) return this.control;
    return address === transferRegisters.ADC10DTC1 ? this.count : this.startAddress;
  }

  writeRegister(address: number, value: number): void {
    if (address === transferRegisters.ADC10DTC0) this.control = (value & (TB | CT | 1)) | (this.control & B1);
    else if (address === transferRegisters.ADC10DTC1) {
      this.count = value;
      if (value === 0) this.running = false;
    } else {
      this.startAddress = value & 0xfffe;
      this.begin();
    }
  }

  peekRegister(address: number): number {
    return this.readRegister(address);
  }

  /** True while ADC10DTC1 is not 0: the ADC then leaves its interrupt flag to `push`. */
  get enabled(): boolean {
    return this.count !== 0;
  }

  reset(): void {
    this.control = 0;
    this.count = 0;
    this.startAddress = 0x200;
    this.running = false;
  }

  /** Stores a result, unless all blocks are full; true when that filled a block. */
  push(value: number): boolean {
    if (!this.running) return false;
    this.store.store(this.pointer, value);
    this.pointer = (this.pointer + 2) & 0xfffe;
    this.left--;
    if (this.left > 0) return false;
    this.blockFull();
    return true;
  }

  private begin(): void {
    this.pointer = this.startAddress;
    this.left = this.count;
    this.control &= ~B1;
    this.running = this.count !== 0;
  }

  private blockFull(): void {
    this.left = this.count;
    const twoBlocks = (this.control & TB) !== 0;
    if (twoBlocks) this.control ^= B1;
    const firstOfTwo = twoBlocks && (this.control & B1) !== 0;
    if (firstOfTwo) return;
    this.pointer = this.startAddress;
    if ((this.control & CT) === 0) this.running = false;
  }
}
