/**
 * HCI traces as btsnoop files, which Wireshark, tshark and btmon open.
 *
 * Format: header "btsnoop\0", version 1, data link; then records of original length, included length, flags, cumulative
 * drops and microseconds since midnight of January 1st, year 0, all big-endian. Two data links: 1002 (HCI UART, H4) holds
 * the packets of one controller; 2001 (the Linux monitor's) those of several, with their names and addresses.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { parseAddress } from './address.ts';
import { H4 } from './hci.ts';
import type { HciTrace } from './hci-port.ts';

export const BTSNOOP_H4 = 1002;
export const BTSNOOP_MONITOR = 2001;

/** Microseconds from the year 0 to 1970. */
const EPOCH_US = 0x00dcddb30f2f8000n;
const RECEIVED = 1;
const COMMAND_OR_EVENT = 2;
/** Opcodes of the monitor's records. */
const NEW_INDEX = 0;
const DELETE_INDEX = 1;
const MONITOR_OPCODES: Readonly<Record<number, { readonly toController: number; readonly toHost: number }>> = {
  [H4.COMMAND]: { toController: 2, toHost: 2 },
  [H4.EVENT]: { toController: 3, toHost: 3 },
  [H4.ACL_DATA]: { toController: 4, toHost: 5 },
  [H4.SYNCHRONOUS_DATA]: { toController: 6, toHost: 7 },
};
/** New Index: HCI_PRIMARY on a UART. */
const TYPE_PRIMARY = 0;
const BUS_UART = 3;
const NAME_OCTETS = 8;

/** Milliseconds since 1970. */
export type WallClock = () => number;

export function btsnoopHeader(dataLink: number): Uint8Array {
  const header = new Uint8Array(16);
  header.set(new TextEncoder().encode('btsnoop\0'));
  const view = new DataView(header.buffer);
  view.setUint32(8, 1);
  view.setUint32(12, dataLink);
  return header;
}

export function btsnoopRecord(flags: number, data: Uint8Array, wallMs: number): Uint8Array {
  const record = new Uint8Array(24 + data.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, data.length);
  view.setUint32(4, data.length);
  view.setUint32(8, flags);
  view.setBigUint64(16, EPOCH_US + BigInt(Math.round(wallMs * 1000)));
  record.set(data, 24);
  return record;
}

/** A file that grows while the trace runs; what was written is whole even if the process dies. */
export class BtsnoopFile {
  private readonly fd: number;
  private readonly now: WallClock;
  private readonly dataLink: number;
  private nextIndex = 0;
  private isOpen = true;

  /** Throws `USAGE` when the file cannot be written. */
  constructor(
    path: string,
    dataLink: number = BTSNOOP_MONITOR,
    now: WallClock = () => performance.timeOrigin + performance.now(),
  ) {
    this.now = now;
    this.dataLink = dataLink;
    try {
      this.fd = openSync(path, 'w');
    } catch (error) {
      throw new EarlError('USAGE', `cannot write the trace ${path}: ${errorMessage(error)}`, { cause: error });
    }
    writeSync(this.fd, btsnoopHeader(dataLink));
  }

  /** A trace for one controller. In an H4 file all packets are taken for those of the same one. */
  controller(name = '', address = '00:00:00:00:00:00'): HciTrace & { end(): void } {
    const index = this.nextIndex++;
    if (this.dataLink === BTSNOOP_MONITOR) this.newIndex(index, name, address);
    return {
      packet: (direction, packet) => this.packet(index, direction === 'to-host', packet),
      end: () => {
        if (this.dataLink === BTSNOOP_MONITOR) this.record(monitorFlags(index, DELETE_INDEX), new Uint8Array(0));
      },
    };
  }

  close(): void {
    if (this.isOpen) closeSync(this.fd);
    this.isOpen = false;
  }

  private packet(index: number, isToHost: boolean, packet: Uint8Array): void {
    const type = packet[0]!;
    if (this.dataLink === BTSNOOP_H4) {
      const isCommandOrEvent = type === H4.COMMAND || type === H4.EVENT;
      this.record((isToHost ? RECEIVED : 0) | (isCommandOrEvent ? COMMAND_OR_EVENT : 0), packet);
      return;
    }
    const opcodes = MONITOR_OPCODES[type];
    if (opcodes === undefined) return;
    this.record(monitorFlags(index, isToHost ? opcodes.toHost : opcodes.toController), packet.subarray(1));
  }

  private newIndex(index: number, name: string, address: string): void {
    const data = new Uint8Array(8 + NAME_OCTETS);
    data[0] = TYPE_PRIMARY;
    data[1] = BUS_UART;
    data.set(parseAddress(address), 2);
    data.set(new TextEncoder().encode(name).subarray(0, NAME_OCTETS - 1), 8);
    this.record(monitorFlags(index, NEW_INDEX), data);
  }

  private record(flags: number, data: Uint8Array): void {
    if (this.isOpen) writeSync(this.fd, btsnoopRecord(flags, data, this.now()));
  }
}

function monitorFlags(index: number, opcode: number): number {
  return ((index << 16) | opcode) >>> 0;
}
