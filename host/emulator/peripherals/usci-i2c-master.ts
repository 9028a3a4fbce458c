/**
 * The I2C master of a USCI as a sequence of waits (SLAU144, "I2C Master Mode": transmitter, receiver, arbitration).
 *
 * A generator: it yields a number of BRCLK periods to wait, or a condition to wait for, and sets lines and flags in
 * between, so that the code reads in the order of the bus. Every clock waits for SCL to be really high (stretching), and
 * its high phase ends when another master ends it (clock synchronization). Arbitration is over address and data bits, not
 * over acknowledge bits, repeated START and STOP.
 */

import type { Level } from './pin.ts';
import { ctl1, tenBitHeader } from './usci-i2c-registers.ts';
import type { Sequence } from './usci-i2c-sequence.ts';

/** What the master does to registers and lines. */
export interface MasterPort {
  readonly lowTicks: number;
  readonly highTicks: number;
  /** The module's own outputs: 0 pulls low, 1 lets go. */
  sda(level: Level): void;
  scl(level: Level): void;
  readonly sdaLevel: Level;
  readonly sclLevel: Level;
  /** No transfer of anybody is under way and both lines are high. */
  readonly busIdle: boolean;
  /** Bits of UCB0CTL1. */
  has(bit: number): boolean;
  clear(bit: number): void;
  /** 7 bits, or 10. */
  readonly slaveAddress: number;
  /** UCSLA10. */
  readonly tenBitSlave: boolean;
  /** START is on the bus: flags of the last transfer go; a transmitter asks for its first byte. */
  onStart(transmitter: boolean): void;
  onAddressSent(acknowledged: boolean): void;
  onDataRefused(): void;
  onArbitrationLost(): void;
  /** The byte waiting in TXBUF, which is free again then. */
  readonly transmitReady: boolean;
  takeTransmitByte(): number;
  readonly receiveFull: boolean;
  putReceivedByte(byte: number): void;
}

type Outcome = 'acknowledged' | 'refused' | 'lost';
type Ending = 'stop' | 'restart' | 'lost';

/** From UCTXSTT to STOP, or to a lost arbitration. */
export function* masterTransfer(port: MasterPort): Sequence<void> {
  // Another master's START within that time is joined: who wins is a matter of arbitration, as long as SCL is high.
  do {
    yield () => port.busIdle;
    yield port.highTicks;
  } while (port.sclLevel === 0);
  yield* startCondition(port);
  for (;;) {
    const transmitter = port.has(ctl1.UCTR);
    port.onStart(transmitter);
    const ending = yield* addressAndData(port, transmitter);
    if (ending === 'lost') {
      port.onArbitrationLost();
      return;
    }
    if (ending === 'stop') {
      yield* stopCondition(port);
      port.clear(ctl1.UCTXSTP);
      return;
    }
    yield* repeatedStart(port);
  }
}

function* addressAndData(port: MasterPort, transmitter: boolean): Sequence<Ending> {
  const outcome = yield* sendAddress(port, transmitter);
  if (outcome === 'lost') return 'lost';
  port.clear(ctl1.UCTXSTT);
  port.onAddressSent(outcome === 'acknowledged');
  if (outcome === 'refused') return yield* endingAsked(port);
  return transmitter ? yield* transmit(port) : yield* receive(port);
}

/** SLAU144 "10-Bit Addressing": to read, both bytes go out as for writing, then a repeated START and the first once more. */
function* sendAddress(port: MasterPort, transmitter: boolean): Sequence<Outcome> {
  const address = port.slaveAddress;
  if (!port.tenBitSlave) return yield* sendByte(port, (address << 1) | (transmitter ? 0 : 1));
  const first = tenBitHeader(address);
  let outcome = yield* sendByte(port, first);
  if (outcome === 'acknowledged') outcome = yield* sendByte(port, address & 0xff);
  if (outcome !== 'acknowledged' || transmitter) return outcome;
  yield* repeatedStart(port);
  return yield* sendByte(port, first | 1);
}

/** SCL stays low until software wrote a byte or asked for an end. UCTXSTP wins over a byte that still waits in TXBUF. */
function* transmit(port: MasterPort): Sequence<Ending> {
  for (;;) {
    yield () => port.transmitReady || port.has(ctl1.UCTXSTP) || port.has(ctl1.UCTXSTT);
    if (port.has(ctl1.UCTXSTP)) return 'stop';
    if (port.has(ctl1.UCTXSTT)) return 'restart';
    const outcome = yield* sendByte(port, port.takeTransmitByte());
    if (outcome === 'lost') return 'lost';
    if (outcome === 'refused') {
      port.onDataRefused();
      return yield* endingAsked(port);
    }
  }
}

/** An unread RXBUF holds SCL low before the last bit; a byte that nobody can take because UCTXSTP ended the wait is lost. */
function* receive(port: MasterPort): Sequence<Ending> {
  for (;;) {
    let byte = 0;
    for (let bit = 7; bit > 0; bit--) byte |= (yield* clockBit(port, 1)) << bit;
    yield () => !port.receiveFull || port.has(ctl1.UCTXSTP);
    byte |= yield* clockBit(port, 1);
    const last = port.has(ctl1.UCTXSTP) || port.has(ctl1.UCTXSTT);
    yield* clockBit(port, last ? 1 : 0);
    if (!port.receiveFull) port.putReceivedByte(byte);
    if (last) return port.has(ctl1.UCTXSTP) ? 'stop' : 'restart';
  }
}

function* endingAsked(port: MasterPort): Sequence<Ending> {
  yield () => port.has(ctl1.UCTXSTP) || port.has(ctl1.UCTXSTT);
  return port.has(ctl1.UCTXSTP) ? 'stop' : 'restart';
}

function* sendByte(port: MasterPort, byte: number): Sequence<Outcome> {
  for (let bit = 7; bit >= 0; bit--) {
    const level = ((byte >> bit) & 1) as Level;
    if ((yield* clockBit(port, level, true)) !== level) return 'lost';
  }
  return (yield* clockBit(port, 1)) === 0 ? 'acknowledged' : 'refused';
}

/** One clock, from SCL low to SCL low; the level of SDA while SCL was high. Who lost a contested bit leaves SCL alone. */
function* clockBit(port: MasterPort, level: Level, contested = false): Sequence<Level> {
  port.sda(level);
  yield port.lowTicks;
  yield* releaseClock(port);
  const seen = port.sdaLevel;
  if (contested && seen !== level) return seen;
  yield* highPhase(port);
  port.scl(0);
  return seen;
}

/** As long as UCB0BR says, or until another master pulls SCL low. */
function* highPhase(port: MasterPort): Sequence<void> {
  yield { ticks: port.highTicks, until: () => port.sclLevel === 0 };
}

function* releaseClock(port: MasterPort): Sequence<void> {
  port.scl(1);
  yield () => port.sclLevel === 1;
}

function* startCondition(port: MasterPort): Sequence<void> {
  port.sda(0);
  yield* highPhase(port);
  port.scl(0);
}

function* repeatedStart(port: MasterPort): Sequence<void> {
  port.sda(1);
  yield port.lowTicks;
  yield* releaseClock(port);
  yield () => port.sdaLevel === 1;
  yield port.highTicks;
  yield* startCondition(port);
}

function* stopCondition(port: MasterPort): Sequence<void> {
  port.sda(0);
  yield port.lowTicks;
  yield* releaseClock(port);
  yield port.highTicks;
  port.sda(1);
  yield () => port.sdaLevel === 1;
}
