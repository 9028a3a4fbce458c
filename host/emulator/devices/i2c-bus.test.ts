import { beforeEach, describe, expect, it } from 'vitest';
import { type Level, Pin } from '../peripherals/pin.ts';
import { Scheduler } from '../scheduler.ts';
import type { I2cDevice } from './device.ts';
import { I2cBus, type I2cTransaction } from './i2c-bus.ts';

/** A slave that remembers what it was told and answers with a fixed list. */
class Recorder implements I2cDevice {
  readonly address = 0x45;
  readonly log: string[] = [];
  readonly answers = [0xa5, 0x3c, 0x00];
  start(read: boolean): boolean {
    this.log.push(read ? 'read' : 'write');
    return true;
  }
  write(byte: number): boolean {
    this.log.push(byte.toString(16));
    return true;
  }
  read(): number {
    return this.answers.shift() ?? 0xff;
  }
  stop(): void {
    this.log.push('stop');
  }
}

/** A master that wiggles two port pins, as a program without USCI does. */
class BitBangMaster {
  readonly scheduler = new Scheduler(1_000_000);
  readonly sda = new Pin('P1.7');
  readonly scl = new Pin('P1.6');

  set(pin: Pin, level: Level): void {
    pin.configure(0, level === 0, 0, false);
    this.scheduler.advanceTo(this.scheduler.now + 5);
  }
  start(): void {
    this.set(this.sda, 1);
    this.set(this.scl, 1);
    this.set(this.sda, 0);
    this.set(this.scl, 0);
  }
  stop(): void {
    this.set(this.sda, 0);
    this.set(this.scl, 1);
    this.set(this.sda, 1);
  }
  bit(level: Level): Level {
    this.set(this.sda, level);
    this.set(this.scl, 1);
    const seen = this.sda.level;
    this.set(this.scl, 0);
    return seen;
  }
  /** True when the slave acknowledged. */
  write(byte: number): boolean {
    for (let bit = 7; bit >= 0; bit--) this.bit(((byte >> bit) & 1) as Level);
    return this.bit(1) === 0;
  }
  read(acknowledge: boolean): number {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | this.bit(1);
    this.bit(acknowledge ? 0 : 1);
    return byte;
  }
}

let master: BitBangMaster;
let slave: Recorder;
let bus: I2cBus;
let transactions: I2cTransaction[];

beforeEach(() => {
  master = new BitBangMaster();
  slave = new Recorder();
  transactions = [];
  bus = new I2cBus(master.scheduler, master.sda, master.scl, (transaction) => transactions.push(transaction));
  bus.attach(slave);
});

describe('I2C bus with a bit-banged master', () => {
  it('carries a write', () => {
    master.start();
    expect(master.write(0x8a)).toBe(true);
    expect(master.write(0x12)).toBe(true);
    expect(master.write(0xff)).toBe(true);
    master.stop();
    expect(slave.log).toEqual(['write', '12', 'ff', 'stop']);
    expect(transactions).toEqual([{ addr: 0x45, write: [0x12, 0xff], read: [], ack: true }]);
  });

  it('carries a write and a read after a repeated START as one transaction', () => {
    master.start();
    master.write(0x8a);
    master.write(0x03);
    master.start();
    expect(master.write(0x8b)).toBe(true);
    expect(master.read(true)).toBe(0xa5);
    expect(master.read(false)).toBe(0x3c);
    master.stop();
    expect(transactions).toEqual([{ addr: 0x45, write: [0x03], read: [0xa5, 0x3c], ack: true }]);
    expect(slave.log).toEqual(['write', '3', 'read', 'stop']);
  });

  it('leaves an address that nobody has unacknowledged', () => {
    master.start();
    expect(master.write(0x90)).toBe(false);
    master.stop();
    expect(transactions).toEqual([{ addr: 0x48, write: [], read: [], ack: false }]);
  });

  it('refuses the byte that it was told to refuse, once', () => {
    bus.refuse({ address: 0x45, index: 2 });
    for (const acknowledged of [false, true]) {
      master.start();
      expect(master.write(0x8a)).toBe(true);
      expect(master.write(0x01)).toBe(true);
      expect(master.write(0x02)).toBe(acknowledged);
      master.stop();
    }
    expect(transactions.map((transaction) => transaction.ack)).toEqual([false, true]);
  });

  it('keeps SDA low while a slave that was left within a byte waits for its clocks', () => {
    slave.answers[0] = 0x00;
    master.start();
    master.write(0x8b);
    for (let bit = 0; bit < 3; bit++) master.bit(1);
    master.set(master.sda, 1);
    master.set(master.scl, 1); // the master was reset here
    expect(master.sda.level).toBe(0);
    let clocks = 0;
    while (master.sda.level === 0) {
      master.set(master.scl, 0);
      master.set(master.scl, 1);
      expect(++clocks).toBeLessThanOrEqual(9);
    }
    expect(clocks).toBe(5); // bits 3 to 7 of the byte, then the slave listens for an acknowledge
    master.stop();
    master.start();
    expect(master.write(0x8a)).toBe(true);
    master.stop();
  });

  it('holds SDA for a number of clocks', () => {
    bus.stickSda(4);
    expect(master.sda.level).toBe(0);
    for (let clock = 0; clock < 4; clock++) {
      expect(master.sda.level).toBe(0);
      master.set(master.scl, 0);
      master.set(master.scl, 1);
    }
    expect(master.sda.level).toBe(1);
  });

  it('ties lines to ground and lets go', () => {
    bus.holdScl(true);
    expect(master.scl.level).toBe(0);
    bus.holdScl(false);
    bus.holdSda(true);
    expect([master.scl.level, master.sda.level]).toEqual([1, 0]);
    bus.holdSda(false);
    expect(master.sda.level).toBe(1);
  });

  it('lets another master win at a bit', () => {
    bus.loseArbitration(1);
    master.start();
    expect(master.bit(1)).toBe(1);
    expect(master.bit(1)).toBe(0);
    master.set(master.scl, 1);
    master.scheduler.advanceTo(master.scheduler.now + 500);
    expect(master.sda.level).toBe(1);
    expect(slave.log).toEqual([]);
  });
});
