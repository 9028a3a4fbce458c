/**
 * Digital I/O ports P1-P3 (SLAU144 "Digital I/O", SLAS735 port tables): eight pins behind their registers, interrupts
 * on P1 and P2.
 *
 * PxSEL/PxSEL2 hand a pin to a peripheral (see Pin); edges on such a pin set no flag.
 */

import type { RegisterBus, RegisterOwner } from '../bus.ts';
import type { InterruptLines } from '../interrupts.ts';
import { Pin, type PinSelect, type PinUser } from './pin.ts';

/** Addresses of a port's registers. */
export interface PortAddresses {
  readonly IN: number;
  readonly OUT: number;
  readonly DIR: number;
  readonly SEL: number;
  readonly SEL2: number;
  readonly REN: number;
  /** Ports with interrupts only. */
  readonly IFG?: number;
  readonly IES?: number;
  readonly IE?: number;
}

export const portAddresses: Record<1 | 2 | 3, PortAddresses> = {
  1: { IN: 0x20, OUT: 0x21, DIR: 0x22, IFG: 0x23, IES: 0x24, IE: 0x25, SEL: 0x26, REN: 0x27, SEL2: 0x41 },
  2: { IN: 0x28, OUT: 0x29, DIR: 0x2a, IFG: 0x2b, IES: 0x2c, IE: 0x2d, SEL: 0x2e, REN: 0x2f, SEL2: 0x42 },
  3: { IN: 0x18, OUT: 0x19, DIR: 0x1a, SEL: 0x1b, REN: 0x10, SEL2: 0x43 },
};

export interface PortOptions {
  /** 1, 2 or 3: the P in pin names. */
  readonly number: 1 | 2 | 3;
  /** Vector of the port's interrupt; P3 has none. */
  readonly vector?: number;
  /** PxSEL after a reset: P2.6 and P2.7 start as crystal pins. */
  readonly resetSelect: number;
}

type RegisterName = keyof PortAddresses;

/** What the ports of all chips share: addresses of the registers, which register stands at an address, names of pins. */
const portRegisters = new Map(
  ([1, 2, 3] as const).map((number) => {
    const entries = Object.entries(portAddresses[number]) as [RegisterName, number][];
    const shared = {
      addresses: entries.map(([, address]) => address),
      names: namesByAddress(entries),
      pinNames: Array.from({ length: 8 }, (_, bit) => `P${number}.${bit}`),
    };
    return [number, shared];
  }),
);

function namesByAddress(entries: readonly [RegisterName, number][]): readonly (RegisterName | undefined)[] {
  const names = new Array<RegisterName | undefined>(Math.max(...entries.map(([, address]) => address)) + 1);
  names.fill(undefined);
  for (const [name, address] of entries) names[address] = name;
  return names;
}

export class Port implements RegisterOwner, PinUser {
  readonly pins: readonly Pin[];
  private readonly interrupts: InterruptLines;
  private readonly options: PortOptions;
  private readonly names: readonly (RegisterName | undefined)[];
  private readonly values: Record<Exclude<RegisterName, 'IN'>, number> = {
    OUT: 0,
    DIR: 0,
    SEL: 0,
    SEL2: 0,
    REN: 0,
    IFG: 0,
    IES: 0,
    IE: 0,
  };

  constructor(bus: RegisterBus, interrupts: InterruptLines, options: PortOptions) {
    this.interrupts = interrupts;
    this.options = options;
    this.values.SEL = options.resetSelect;
    const users = [this];
    const { addresses, names, pinNames } = portRegisters.get(options.number)!;
    this.pins = pinNames.map((name, bit) => new Pin(name, bit, users));
    this.names = names;
    bus.own(addresses, this);
    this.configurePins(0xff);
  }

  readRegister(address: number): number {
    const name = this.names[address]!;
    return name === 'IN' ? this.input() : this.values[name];
  }

  writeRegister(address: number, value: number): void {
    const name = this.names[address]!;
    if (name !== 'IN') this.write(name, value);
  }

  peekRegister(address: number): number {
    return this.readRegister(address);
  }

  pinChanged(pin: Pin, level: 0 | 1): void {
    // A port without interrupts has no flags, and P1 and P2 have none for a pin that is a peripheral's.
    if (this.options.vector !== undefined && pin.selected === 0) this.edge(pin.bit, level);
  }

  /** PxOUT and PxIES are not reset, not even by a power-on (SLAU144: "unchanged"). */
  reset(): void {
    const { values } = this;
    values.DIR = values.SEL2 = values.REN = values.IE = values.IFG = 0;
    values.SEL = this.options.resetSelect;
    this.configurePins(0xff);
    values.IFG = 0;
    this.request();
  }

  private input(): number {
    let value = 0;
    for (let bit = 0; bit < 8; bit++) value |= this.pins[bit]!.input << bit;
    return value;
  }

  private write(name: Exclude<RegisterName, 'IN'>, value: number): void {
    const changed = this.values[name] ^ value;
    this.values[name] = value;
    if (name === 'IES') this.edgeSelectChanged(changed);
    else if (name === 'IE' || name === 'IFG') this.request();
    else this.configurePins(changed);
  }

  /** SLAU144 "Writing to PxIES": sets flags, depending on the level ("may be set" in the manual). */
  private edgeSelectChanged(changed: number): void {
    const { values } = this;
    const input = this.input();
    // The flag sees an edge of PxIN XOR PxIES: selecting falling edges while low, or rising ones while high, makes one.
    const falling = changed & values.IES & ~input;
    const rising = changed & ~values.IES & input;
    values.IFG |= (falling | rising) & 0xff;
    this.request();
  }

  private configurePins(changed: number): void {
    const { values } = this;
    for (let bit = 0; bit < 8; bit++) {
      if (((changed >> bit) & 1) === 0) continue;
      const select = (((values.SEL >> bit) & 1) | (((values.SEL2 >> bit) & 1) << 1)) as PinSelect;
      const latch = ((values.OUT >> bit) & 1) as 0 | 1;
      this.pins[bit]!.configure(select, ((values.DIR >> bit) & 1) === 1, latch, ((values.REN >> bit) & 1) === 1);
    }
  }

  private edge(bit: number, level: 0 | 1): void {
    const { values } = this;
    const mask = 1 << bit;
    const falling = (values.IES & mask) !== 0;
    if (falling !== (level === 0)) return;
    values.IFG |= mask;
    this.request();
  }

  private request(): void {
    if (this.options.vector !== undefined) {
      this.interrupts.set(this.options.vector, (this.values.IFG & this.values.IE) !== 0);
    }
  }
}
