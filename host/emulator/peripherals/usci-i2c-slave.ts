/**
 * The I2C slave of a USCI as a sequence of waits (SLAU144, "I2C Slave Mode": transmitter and receiver).
 *
 * Begins at a START; ends when the address is somebody else's, when the master refuses more, or when the registers'
 * owner abandons it at a STOP or the next START. SCL is held low while TXBUF is not loaded or RXBUF not read. In a
 * multi-master environment it listens to its own master's address too: whoever wins the arbitration may mean this slave.
 */

import type { Level } from './pin.ts';
import type { Sequence } from './usci-i2c-sequence.ts';

/** What the slave does to registers and lines. */
export interface SlavePort {
  sda(level: Level): void;
  scl(level: Level): void;
  readonly sdaLevel: Level;
  readonly sclLevel: Level;
  /** What the first byte behind START asks of us. `second`: acknowledge it, the address has another byte. */
  onHeader(header: number): SlaveRole | 'second';
  /** The second byte of a 10-bit address. */
  onSecondByte(byte: number): SlaveRole;
  onAddressed(transmitter: boolean): void;
  /** UCTXNACK is set. */
  readonly refusing: boolean;
  /** UCTXNACK: the next byte is not acknowledged. Asking takes it back. */
  takeRefusal(): boolean;
  readonly transmitReady: boolean;
  /** The most significant bit of the byte that `takeTransmitByte` will give. */
  readonly nextTransmitBit: Level;
  takeTransmitByte(): number;
  /** The master wants no more. */
  onTransmitRefused(): void;
  readonly receiveFull: boolean;
  putReceivedByte(byte: number): void;
}

export type SlaveRole = 'ignore' | 'transmit' | 'receive';

export function* slaveTransfer(port: SlavePort): Sequence<void> {
  yield () => port.sclLevel === 0;
  let role = port.onHeader(yield* receiveByte(port));
  if (role === 'second') {
    yield* acknowledge(port, true);
    role = port.onSecondByte(yield* receiveByte(port));
  }
  if (role === 'ignore') return;
  const transmitter = role === 'transmit';
  port.onAddressed(transmitter);
  yield* acknowledge(port, true);
  if (transmitter) yield* transmit(port);
  else yield* receive(port);
}

function* transmit(port: SlavePort): Sequence<void> {
  for (;;) {
    yield* holdClockUntil(
      port,
      () => port.transmitReady,
      () => port.sda(port.nextTransmitBit),
    );
    const byte = port.takeTransmitByte();
    for (let bit = 7; bit >= 0; bit--) {
      port.sda(((byte >> bit) & 1) as Level);
      yield* clock(port);
    }
    port.sda(1);
    if ((yield* clock(port)) === 1) {
      port.onTransmitRefused();
      return;
    }
  }
}

function* receive(port: SlavePort): Sequence<void> {
  for (;;) {
    const byte = yield* receiveByte(port);
    yield* holdClockUntil(
      port,
      () => !port.receiveFull,
      () => port.sda(port.refusing ? 1 : 0),
    );
    const refused = port.takeRefusal();
    yield* acknowledge(port, !refused);
    if (refused) return;
    port.putReceivedByte(byte);
  }
}

/** @param prepare what must be on SDA before SCL may rise */
function* holdClockUntil(port: SlavePort, ready: () => boolean, prepare?: () => void): Sequence<void> {
  if (ready()) return;
  port.scl(0);
  yield ready;
  prepare?.();
  port.scl(1);
}

function* receiveByte(port: SlavePort): Sequence<number> {
  let byte = 0;
  for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | (yield* clock(port));
  return byte;
}

function* acknowledge(port: SlavePort, acknowledged: boolean): Sequence<void> {
  port.sda(acknowledged ? 0 : 1);
  yield* clock(port);
  port.sda(1);
}

/** One clock of the master: the level of SDA when SCL rose. */
function* clock(port: SlavePort): Sequence<Level> {
  yield () => port.sclLevel === 1;
  const level = port.sdaLevel;
  yield () => port.sclLevel === 0;
  return level;
}
