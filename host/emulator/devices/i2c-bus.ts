/**
 * The I2C bus of a board: two open-drain lines with pull-ups, the slaves on them, and what can go wrong
 * (NXP UM10204, "The I2C-bus protocol").
 *
 * It lives on the levels of the SDA and SCL pins alone, so a USCI, a bit-banged master and a recovery by hand all meet
 * the same slaves: a slave that was left in the middle of a byte holds SDA until it has seen its clocks. Slaves answer
 * shortly after SCL fell, never in the middle of somebody's edge. Left out: 10-bit addresses, high-speed mode.
 */

import type { Level, Pin } from '../peripherals/pin.ts';
import type { Scheduler } from '../scheduler.ts';
import type { I2cDevice } from './device.ts';

/** What happened between START and STOP, or between one address and the next that is not a read after a write. */
export interface I2cTransaction {
  readonly addr: number;
  readonly write: number[];
  readonly read: number[];
  /** False when the address or a written byte was not acknowledged. */
  ack: boolean;
}

type Phase = 'idle' | 'address' | 'write' | 'read' | 'ignore';

/** The bus: slaves come and go, faults can be made. */
export class I2cBus {
  private readonly scheduler: Scheduler;
  private readonly sda: Pin;
  private readonly scl: Pin;
  private readonly onTransaction: (transaction: I2cTransaction) => void;
  private readonly devices = new Map<number, I2cDevice>();

  /** Who pulls a line low besides the chip. */
  private readonly pulls = { slaveSda: false, faultSda: false, faultScl: false };
  private stuckClocks = 0;
  private nack: { address: number | undefined; index: number; times: number } | undefined;
  private stealBit: number | undefined;
  private clocksSinceStart = 0;

  private phase: Phase = 'idle';
  private selected: I2cDevice | undefined;
  private shift = 0;
  private bit = 0;
  private byteIndex = 0;
  private acknowledging = false;
  private transaction: I2cTransaction | undefined;

  constructor(scheduler: Scheduler, sda: Pin, scl: Pin, onTransaction: (transaction: I2cTransaction) => void) {
    this.scheduler = scheduler;
    this.sda = sda;
    this.scl = scl;
    this.onTransaction = onTransaction;
    sda.pull(1);
    scl.pull(1);
    sda.onChange((level) => this.onSda(level));
    scl.onChange((level) => (level === 1 ? this.onClockRise() : this.onClockFall()));
  }

  /** Puts a slave on the bus. A second one with its address replaces it. */
  attach(device: I2cDevice): void {
    this.devices.set(device.address, device);
  }

  /** Takes a slave off; one in the middle of a byte lets go. */
  detach(address: number): void {
    if (this.selected?.address === address) this.release();
    this.devices.delete(address);
    this.drive();
  }

  // ---- faults

  /** Ties SDA to ground, or lets go. */
  holdSda(held: boolean): void {
    this.stuckClocks = 0;
    this.pulls.faultSda = held;
    this.drive();
  }

  /** Ties SCL to ground, or lets go. */
  holdScl(held: boolean): void {
    this.pulls.faultScl = held;
    this.drive();
  }

  /** A slave holds SDA low until it has seen this many clocks, as one does whose master was reset within a read. */
  stickSda(clocks: number): void {
    this.stuckClocks = clocks;
    this.pulls.faultSda = clocks > 0;
    this.drive();
  }

  /**
   * Refuses a byte: `index` 0 is the address, 1 the first written byte. Without an address any device; `times` times
   * (default once). `undefined` ends it.
   */
  refuse(fault: { address?: number; index: number; times?: number } | undefined): void {
    this.nack = fault && { address: fault.address, index: fault.index, times: fault.times ?? 1 };
  }

  /** In the next transfer another master pulls SDA low from clock `bit` on (0 is the first address bit) and wins. */
  loseArbitration(bit: number): void {
    this.stealBit = bit;
  }

  // ---- lines

  private drive(): void {
    this.scl.drive(this.pulls.faultScl ? 0 : undefined);
    this.sda.drive(this.pulls.slaveSda || this.pulls.faultSda ? 0 : undefined);
  }

  private onSda(level: Level): void {
    if (this.scl.level === 0) return;
    if (level === 0) this.onStart();
    else this.onStop();
  }

  private onStart(): void {
    this.release();
    this.phase = 'address';
    this.clocksSinceStart = -1;
  }

  private onStop(): void {
    this.selected?.stop();
    this.release();
    this.finishTransaction();
  }

  private release(): void {
    this.selected = undefined;
    this.phase = 'idle';
    this.shift = 0;
    this.bit = 0;
    this.byteIndex = 0;
    this.acknowledging = false;
    this.pulls.slaveSda = false;
  }

  private onClockRise(): void {
    const level = this.sda.level;
    if (this.phase === 'idle' || this.phase === 'ignore') return;
    if (this.acknowledging) {
      if (this.phase === 'read') this.onMasterAcknowledge(level === 0);
      return;
    }
    if (this.phase !== 'read') this.shift = (this.shift << 1) | level;
    this.bit++;
  }

  private onClockFall(): void {
    this.countClock();
    if (this.phase === 'idle' || this.phase === 'ignore') return;
    if (this.acknowledging) this.beginByte();
    else if (this.bit === 8) this.acknowledgeByte();
    else if (this.phase === 'read') this.respond(() => this.shiftOut());
  }

  /** Runs after whoever pulled SCL low is done with its edge. */
  private respond(action: () => void): void {
    this.scheduler.after(0, () => {
      action();
      this.drive();
    });
  }

  private countClock(): void {
    this.clocksSinceStart++;
    if (this.stuckClocks > 0 && --this.stuckClocks === 0) {
      this.respond(() => {
        this.pulls.faultSda = false;
      });
    }
    if (this.stealBit !== undefined && this.clocksSinceStart === this.stealBit) this.steal();
  }

  /** The other master keeps SDA low until the loser let go of SCL, and then makes a STOP. */
  private steal(): void {
    this.stealBit = undefined;
    this.phase = 'ignore';
    this.respond(() => {
      this.pulls.faultSda = true;
    });
    const finish = () => {
      if (this.scl.level === 0) return void this.scheduler.after(this.scheduler.cycles(20e-6), finish);
      this.pulls.faultSda = false;
      this.drive();
    };
    this.scheduler.after(this.scheduler.cycles(100e-6), finish);
  }

  // ---- bytes

  private acknowledgeByte(): void {
    this.acknowledging = true;
    if (this.phase === 'read') {
      this.respond(() => {
        this.pulls.slaveSda = false;
      });
      return;
    }
    const byte = this.shift & 0xff;
    const acknowledged = this.phase === 'address' ? this.onAddress(byte) : this.onWritten(byte);
    this.respond(() => {
      this.pulls.slaveSda = acknowledged;
    });
    if (!acknowledged && this.phase !== 'address') this.phase = 'ignore';
  }

  private onAddress(byte: number): boolean {
    const address = byte >> 1;
    const read = (byte & 1) === 1;
    const device = this.devices.get(address);
    const acknowledged = device !== undefined && !this.refused(address) && device.start(read);
    this.openTransaction(address, read, acknowledged);
    this.selected = acknowledged ? device : undefined;
    return acknowledged;
  }

  private onWritten(byte: number): boolean {
    this.byteIndex++;
    const device = this.selected!;
    const acknowledged = !this.refused(device.address) && device.write(byte);
    this.transaction?.write.push(byte);
    if (!acknowledged && this.transaction) this.transaction.ack = false;
    return acknowledged;
  }

  private onMasterAcknowledge(acknowledged: boolean): void {
    if (!acknowledged) this.phase = 'ignore';
  }

  /** The clock of the acknowledge is over: the next byte begins. */
  private beginByte(): void {
    this.acknowledging = false;
    const byte = this.shift;
    this.shift = 0;
    this.bit = 0;
    if (this.phase === 'address') {
      this.phase = this.selected === undefined ? 'ignore' : byte & 1 ? 'read' : 'write';
    }
    this.respond(() => {
      this.pulls.slaveSda = false;
      if (this.phase === 'read') this.nextByteOut();
    });
  }

  private nextByteOut(): void {
    this.shift = this.selected!.read() & 0xff;
    this.transaction?.read.push(this.shift);
    this.shiftOut();
  }

  private shiftOut(): void {
    this.pulls.slaveSda = ((this.shift >> (7 - this.bit)) & 1) === 0;
  }

  private refused(address: number): boolean {
    const fault = this.nack;
    if (fault === undefined || fault.index !== this.byteIndex) return false;
    if (fault.address !== undefined && fault.address !== address) return false;
    if (--fault.times <= 0) this.nack = undefined;
    return true;
  }

  // ---- trace

  private openTransaction(address: number, read: boolean, acknowledged: boolean): void {
    const previous = this.transaction;
    const continues = previous?.addr === address && read && previous.read.length === 0 && previous.ack && acknowledged;
    if (continues) return;
    this.finishTransaction();
    this.transaction = { addr: address, write: [], read: [], ack: acknowledged };
  }

  private finishTransaction(): void {
    if (this.transaction) this.onTransaction(this.transaction);
    this.transaction = undefined;
  }
}
