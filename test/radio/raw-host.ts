/**
 * The smallest HCI host: writes commands, keeps the events, and speaks no L2CAP. For tests of the controllers by
 * themselves, and to stand on one side when the other is noble or bleno.
 */
import {
  aclPacket,
  COMMAND,
  commandPacket,
  EVENT,
  H4,
  LE_EVENT,
  littleEndian,
  readUint16,
} from '../../host/radio/hci.ts';
import type { HciPort } from '../../host/radio/index.ts';

export interface HciEvent {
  readonly code: number;
  readonly parameters: Uint8Array;
}

export interface AclData {
  readonly handle: number;
  readonly boundary: number;
  readonly data: Uint8Array;
}

export class RawHost {
  readonly events: HciEvent[] = [];
  readonly acl: AclData[] = [];
  onAcl: (data: AclData) => void = () => {};
  onEvent: (event: HciEvent) => void = () => {};
  private readonly port: HciPort;

  constructor(port: HciPort) {
    this.port = port;
    port.onPacket = (packet) => this.take(packet);
  }

  command(opcode: number, parameters: readonly number[] = []): void {
    this.port.write(commandPacket(opcode, parameters));
  }

  sendAcl(handle: number, data: Uint8Array, boundary = 0): void {
    this.port.write(aclPacket(handle, boundary, data));
  }

  /** Everything on, as hosts do at first. */
  reset(): void {
    this.command(COMMAND.RESET);
    this.command(COMMAND.SET_EVENT_MASK, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]);
    this.command(COMMAND.LE_SET_EVENT_MASK, [0xff, 0xff, 0, 0, 0, 0, 0, 0]);
  }

  /** Connectable and scannable, with that name in the scan response. */
  advertise(name: string, intervalMs = 100, type = 0): void {
    const units = littleEndian(Math.round(intervalMs / 0.625), 2);
    this.command(COMMAND.LE_SET_ADVERTISING_PARAMETERS, [...units, ...units, type, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
    this.command(COMMAND.LE_SET_ADVERTISING_DATA, padded([2, 0x01, 0x06]));
    const text = [...new TextEncoder().encode(name)];
    this.command(COMMAND.LE_SET_SCAN_RESPONSE_DATA, padded([text.length + 1, 0x09, ...text]));
    this.command(COMMAND.LE_SET_ADVERTISING_ENABLE, [1]);
  }

  scan(options: { active?: boolean; filterDuplicates?: boolean; intervalMs?: number; windowMs?: number } = {}): void {
    const interval = littleEndian((options.intervalMs ?? 10) / 0.625, 2);
    const window = littleEndian((options.windowMs ?? options.intervalMs ?? 10) / 0.625, 2);
    this.command(COMMAND.LE_SET_SCAN_PARAMETERS, [options.active === false ? 0 : 1, ...interval, ...window, 0, 0]);
    this.command(COMMAND.LE_SET_SCAN_ENABLE, [1, options.filterDuplicates === false ? 0 : 1]);
  }

  /** @param address as bytes, least significant first */
  connect(
    address: Uint8Array,
    options: { intervalMs?: number; latency?: number; timeoutMs?: number; eventLengthMs?: number } = {},
  ): void {
    const interval = littleEndian(Math.round((options.intervalMs ?? 30) / 1.25), 2);
    const eventLength = littleEndian(Math.round((options.eventLengthMs ?? 0) / 0.625), 2);
    this.command(COMMAND.LE_CREATE_CONNECTION, [
      ...littleEndian(0x60, 2),
      ...littleEndian(0x60, 2),
      0,
      0,
      ...address,
      0,
      ...interval,
      ...interval,
      ...littleEndian(options.latency ?? 0, 2),
      ...littleEndian((options.timeoutMs ?? 1000) / 10, 2),
      ...eventLength,
      ...eventLength,
    ]);
  }

  disconnect(handle: number): void {
    this.command(COMMAND.DISCONNECT, [...littleEndian(handle, 2), 0x13]);
  }

  /** Events with that code. */
  all(code: number): HciEvent[] {
    return this.events.filter((event) => event.code === code);
  }

  /** LE Meta events with that subevent; the parameters are those after the subevent code. */
  allLe(subevent: number): Uint8Array[] {
    return this.all(EVENT.LE_META)
      .filter(({ parameters }) => parameters[0] === subevent)
      .map(({ parameters }) => parameters.subarray(1));
  }

  /** Return parameters, status first, of the last Command Complete for that command. */
  completed(opcode: number): Uint8Array | undefined {
    const answers = this.all(EVENT.COMMAND_COMPLETE).filter(({ parameters }) => readUint16(parameters, 1) === opcode);
    return answers.at(-1)?.parameters.subarray(3);
  }

  /** Status of the last Command Status for that command. */
  status(opcode: number): number | undefined {
    const answers = this.all(EVENT.COMMAND_STATUS).filter(({ parameters }) => readUint16(parameters, 2) === opcode);
    return answers.at(-1)?.parameters[0];
  }

  /** Handles of the connections that were made, in order. */
  get handles(): number[] {
    return this.allLe(LE_EVENT.CONNECTION_COMPLETE)
      .filter((parameters) => parameters[0] === 0)
      .map((parameters) => readUint16(parameters, 1));
  }

  /** Reasons of the connections that ended, in order. */
  get disconnectReasons(): number[] {
    return this.all(EVENT.DISCONNECTION_COMPLETE).map(({ parameters }) => parameters[3]!);
  }

  /** Packets that were reported as completed. */
  get completedPackets(): number {
    return this.all(EVENT.NUMBER_OF_COMPLETED_PACKETS).reduce(
      (sum, { parameters }) => sum + readUint16(parameters, 3),
      0,
    );
  }

  /** The payloads of all ACL data, one after the other. */
  get received(): number[] {
    return this.acl.flatMap(({ data }) => [...data]);
  }

  private take(packet: Uint8Array): void {
    if (packet[0] === H4.EVENT) {
      const event = { code: packet[1]!, parameters: packet.slice(3) };
      this.events.push(event);
      this.onEvent(event);
    } else if (packet[0] === H4.ACL_DATA) {
      const head = readUint16(packet, 1);
      const data = { handle: head & 0x0fff, boundary: (head >> 12) & 3, data: packet.slice(5) };
      this.acl.push(data);
      this.onAcl(data);
    }
  }
}

function padded(data: readonly number[]): number[] {
  return [data.length, ...data, ...new Array<number>(31 - data.length).fill(0)];
}
