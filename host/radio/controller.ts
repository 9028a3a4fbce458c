/**
 * A virtual controller: the Host Controller Interface above, the link layer below.
 *
 * Core Spec Vol 4 Part E. Which commands and events it knows stands in docs/radio.md; any other command is answered
 * with Unknown HCI Command. It accepts commands as fast as they come (Num_HCI_Command_Packets is always 1, which both
 * noble and bleno insist on and ignore), one ACL packet more than its buffers is dropped and reported as Data Buffer Overflow.
 */
import { EarlError } from '../../errors/index.ts';
import { type DeviceAddress, formatAddress } from './address.ts';
import { Advertiser, type AdvertiserContext, type Listener } from './advertiser.ts';
import { CommandTable } from './controller-commands.ts';
import { aclPacket, ERROR, EVENT, eventPacket, H4, LE_EVENT, littleEndian, readUint16 } from './hci.ts';
import type { HciPort, HciTrace } from './hci-port.ts';
import type { Link } from './link.ts';
import { announceParameters, receiveControl } from './link-control.ts';
import {
  type ConnectionParameters,
  type ControlPdu,
  type DataLength,
  dataTimeUs,
  INITIAL_OCTETS,
  type LinkEnd,
} from './link-end.ts';
import { Initiator, Scanner } from './scanner.ts';
import { type RadioEnergy, Transceiver, type TransceiverOptions } from './transceiver.ts';

export interface ControllerOptions extends TransceiverOptions {
  /** `aa:bb:cc:dd:ee:ff`; default: from the air's seed. */
  readonly address?: string;
  /** For traces and the list of nodes; not what it advertises. */
  readonly name?: string;
  /** ACL data buffers that LE Read Buffer Size reports. Default 8 of 251 octets. */
  readonly aclBuffers?: { readonly octets: number; readonly count: number };
  /** The longest link layer payload it supports, 27 to 251. Default 251. */
  readonly maxDataOctets?: number;
  /** Connections at the same time. Default 64. */
  readonly maxConnections?: number;
  /** How long each packet takes between host and controller, in both directions, e.g. over a slow UART. Default 0. */
  readonly hciDelayMs?: number;
  readonly trace?: HciTrace;
}

/** What the air does for its controllers. */
export interface ControllerContext extends AdvertiserContext {
  readonly listeners: Set<Listener>;
  connect(central: VirtualController, from: Initiator, advertiser: Advertiser, wasHeard: boolean): void;
  /** Of the peer, here. */
  rssiDbm(connection: Connection): number;
  detach(controller: VirtualController): void;
}

/** A connection as its controller knows it. */
export interface Connection {
  readonly end: LinkEnd;
  readonly link: Link;
  readonly peer: DeviceAddress;
  /** ACL packets of the host that the other side has not acknowledged. */
  outstanding: number;
  /** Procedures that the host waits for. */
  readonly pending: Set<'features' | 'version' | 'update'>;
}

const MAX_HANDLE = 0x0eff;

export class VirtualController {
  readonly name: string;
  readonly publicAddress: DeviceAddress;
  readonly radio: Transceiver;
  readonly port: HciPort;
  readonly counters = { commands: 0, aclToAir: 0, aclFromAir: 0, overflows: 0 };
  /** Internal to this room: the command table works on these. */
  readonly context: ControllerContext;
  readonly advertiser: Advertiser;
  readonly scanner: Scanner;
  readonly initiator: Initiator;
  readonly connections = new Map<number, Connection>();
  readonly aclBuffers: { readonly octets: number; readonly count: number };
  readonly maxDataOctets: number;
  readonly maxConnections: number;
  randomAddress: DeviceAddress | undefined;
  readonly acceptList = new Map<string, DeviceAddress>();
  suggestedTxOctets: number = INITIAL_OCTETS;
  eventMask = 0n;
  leEventMask = 0n;
  hostSupportsLe = 0;
  advertisesRandom = false;
  scansRandom = false;
  scanUsesAcceptList = false;
  /** What the host asked for in LE Create Connection; the event length is 0 when it left that open. */
  wantedConnection: { readonly parameters: ConnectionParameters; readonly eventLengthUs: number } = {
    parameters: { interval: 24, latency: 0, timeout: 42 },
    eventLengthUs: 0,
  };
  private readonly commands: CommandTable;
  /** Sees every packet from now on. */
  trace: HciTrace | undefined;
  private readonly hciDelayUs: number;
  private nextHandle = 1;
  private attached = true;

  constructor(context: ControllerContext, address: DeviceAddress, name: string, options: ControllerOptions) {
    this.context = context;
    this.name = name;
    this.publicAddress = address;
    this.trace = options.trace;
    this.hciDelayUs = (options.hciDelayMs ?? 0) * 1000;
    this.aclBuffers = options.aclBuffers ?? { octets: 251, count: 8 };
    this.maxDataOctets = options.maxDataOctets ?? 251;
    this.maxConnections = options.maxConnections ?? 64;
    const { schedule, random } = context;
    this.radio = new Transceiver(options, schedule.nowUs);
    this.advertiser = new Advertiser(context, this.radio, {
      address: () => this.ownAddress(this.advertisesRandom),
      accepts: (peer) => this.acceptList.has(peer.key),
    });
    const listening = {
      radio: this.radio,
      random,
      nowUs: () => schedule.nowUs,
      address: () => this.ownAddress(this.scansRandom),
    };
    this.scanner = new Scanner(listening, {
      report: (advertisement) => this.reportAdvertisement(advertisement),
      accepts: (peer) => !this.scanUsesAcceptList || this.acceptList.has(peer.key),
    });
    this.initiator = new Initiator(listening, (advertiser, wasHeard) => {
      this.context.listeners.delete(this.initiator);
      this.context.connect(this, this.initiator, advertiser, wasHeard);
    });
    this.commands = new CommandTable(this);
    this.port = this.makePort();
    this.resetState();
  }

  get address(): string {
    return formatAddress(this.publicAddress.bytes);
  }

  get energy(): RadioEnergy {
    this.scanner.pay();
    this.initiator.pay();
    return this.radio.energy(this.context.schedule.nowUs);
  }

  /** Takes the node off the air, as if its battery were pulled: peers notice by their supervision timeout. */
  detach(): void {
    this.leave(new EarlError('TRANSPORT_LOST', `the virtual controller ${this.address} (${this.name}) left the air`));
  }

  ownAddress(isRandom: boolean): DeviceAddress {
    return isRandom ? (this.randomAddress ?? this.publicAddress) : this.publicAddress;
  }

  /** HCI_Reset: no advertising, no scanning, no links; peers are not told. */
  resetState(): void {
    this.advertiser.stop();
    this.stopListening();
    const connections = [...this.connections.values()];
    this.connections.clear();
    for (const { end } of connections) end.close(ERROR.CONNECTION_TERMINATED_BY_LOCAL_HOST);
    this.randomAddress = undefined;
    this.acceptList.clear();
    this.advertiser.data = new Uint8Array(0);
    this.advertiser.scanResponseData = new Uint8Array(0);
    this.suggestedTxOctets = INITIAL_OCTETS;
    // Defaults of Set Event Mask (7.3.1) and LE Set Event Mask (7.8.1).
    this.eventMask = 0x00001fffffffffffn;
    this.leEventMask = 0x1fn;
    this.hostSupportsLe = 0;
  }

  stopListening(): void {
    for (const listener of [this.scanner, this.initiator]) {
      listener.end();
      this.context.listeners.delete(listener);
    }
  }

  /** A link exists from now on; the host hears of it. */
  addConnection(end: LinkEnd, link: Link, peer: DeviceAddress): void {
    end.handle = this.nextHandle;
    this.nextHandle = this.nextHandle === MAX_HANDLE ? 1 : this.nextHandle + 1;
    this.connections.set(end.handle, {
      end,
      link,
      peer,
      outstanding: 0,
      pending: new Set(),
    });
    const { interval, latency, timeout } = end.parameters;
    this.sendLeEvent(LE_EVENT.CONNECTION_COMPLETE, [
      ERROR.SUCCESS,
      ...littleEndian(end.handle, 2),
      end.role,
      peer.type,
      ...peer.bytes,
      ...littleEndian(interval, 2),
      ...littleEndian(latency, 2),
      ...littleEndian(timeout, 2),
      CLOCK_ACCURACY_50_PPM,
    ]);
    if (this.suggestedTxOctets > INITIAL_OCTETS) this.requestDataLength(end, this.suggestedTxOctets);
  }

  /** Link layer events of this controller's ends. */
  readonly linkEvents = {
    onData: (end: LinkEnd, data: Uint8Array, isStart: boolean): void => {
      this.counters.aclFromAir++;
      this.send(aclPacket(end.handle, isStart ? 2 : 1, data));
    },
    onCompleted: (end: LinkEnd, packets: number): void => {
      const connection = this.connections.get(end.handle);
      if (connection === undefined) return;
      connection.outstanding -= packets;
      this.sendEvent(EVENT.NUMBER_OF_COMPLETED_PACKETS, [
        1,
        ...littleEndian(end.handle, 2),
        ...littleEndian(packets, 2),
      ]);
    },
    onControl: (end: LinkEnd, control: ControlPdu): void => receiveControl(this, end, control),
    onParameters: (end: LinkEnd): void => announceParameters(this, end),
    onClosed: (end: LinkEnd, reason: number): void => {
      if (!this.connections.delete(end.handle)) return;
      this.sendEvent(EVENT.DISCONNECTION_COMPLETE, [ERROR.SUCCESS, ...littleEndian(end.handle, 2), reason]);
    },
  };

  /** What this controller can do, as it tells its peer. */
  get dataLengthLimits(): DataLength {
    const timeUs = dataTimeUs(this.maxDataOctets);
    return { rxOctets: this.maxDataOctets, rxTimeUs: timeUs, txOctets: this.maxDataOctets, txTimeUs: timeUs };
  }

  requestDataLength(end: LinkEnd, txOctets: number): void {
    const octets = Math.min(txOctets, this.maxDataOctets);
    const length = { ...this.dataLengthLimits, txOctets: octets, txTimeUs: dataTimeUs(octets) };
    end.sendControl({ kind: 'LL_LENGTH_REQ', length });
  }

  sendEvent(code: number, parameters: readonly number[] | Uint8Array): void {
    if (!this.isEventWanted(code)) return;
    this.send(eventPacket(code, Uint8Array.from(parameters)));
  }

  sendLeEvent(subevent: number, parameters: readonly number[]): void {
    if (((this.leEventMask >> BigInt(subevent - 1)) & 1n) === 0n) return;
    this.sendEvent(EVENT.LE_META, [subevent, ...parameters]);
  }

  /** Set Event Mask does not reach the events that answer commands and count packets (7.3.1). */
  private isEventWanted(code: number): boolean {
    if (ALWAYS_WANTED.has(code)) return true;
    return ((this.eventMask >> BigInt(code - 1)) & 1n) === 1n;
  }

  private leave(why: EarlError | undefined): void {
    if (!this.attached) return;
    this.attached = false;
    this.resetState();
    this.context.detach(this);
    this.port.onClose(why);
  }

  private makePort(): HciPort {
    const port: HciPort = {
      write: (packet) => {
        if (!this.attached) return;
        // A Buffer's own slice would not copy.
        const copy = new Uint8Array(packet);
        this.trace?.packet('to-controller', copy);
        this.context.schedule.soon(() => this.delayed(() => this.take(copy)));
      },
      onPacket: () => {},
      onClose: () => {},
      close: () => this.leave(undefined),
    };
    return port;
  }

  private send(packet: Uint8Array): void {
    if (!this.attached) return;
    this.trace?.packet('to-host', packet);
    this.delayed(() => {
      if (this.attached) this.port.onPacket(packet);
    });
  }

  private delayed(run: () => void): void {
    const { schedule } = this.context;
    if (this.hciDelayUs === 0) run();
    else schedule.at(schedule.nowUs + this.hciDelayUs, run);
  }

  private take(packet: Uint8Array): void {
    if (!this.attached) return;
    if (packet[0] === H4.COMMAND && packet.length >= 4 && packet.length === 4 + packet[3]!) {
      this.counters.commands++;
      this.commands.execute(readUint16(packet, 1), packet.subarray(4));
    } else if (packet[0] === H4.ACL_DATA && packet.length >= 5 && packet.length === 5 + readUint16(packet, 3)) {
      this.takeAcl(packet);
    } else {
      this.sendEvent(EVENT.HARDWARE_ERROR, [BAD_H4_PACKET]);
    }
  }

  private takeAcl(packet: Uint8Array): void {
    const handleAndFlags = readUint16(packet, 1);
    const connection = this.connections.get(handleAndFlags & 0x0fff);
    // Data for a connection that is gone: its buffers were freed with it.
    if (connection === undefined) return;
    let outstanding = 0;
    for (const other of this.connections.values()) outstanding += other.outstanding;
    if (outstanding >= this.aclBuffers.count || packet.length - 5 > this.aclBuffers.octets) {
      this.counters.overflows++;
      this.sendEvent(EVENT.DATA_BUFFER_OVERFLOW, [ACL_LINK_TYPE]);
      return;
    }
    this.counters.aclToAir++;
    connection.outstanding++;
    connection.end.sendAcl((handleAndFlags >> 12) & 3, packet.subarray(5));
  }

  private reportAdvertisement(advertisement: {
    type: number;
    address: DeviceAddress;
    data: Uint8Array;
    rssiDbm: number;
  }): void {
    const { type, address, data, rssiDbm } = advertisement;
    this.sendLeEvent(LE_EVENT.ADVERTISING_REPORT, [
      1,
      type,
      address.type,
      ...address.bytes,
      data.length,
      ...data,
      rssiDbm & 0xff,
    ]);
  }
}

const CLOCK_ACCURACY_50_PPM = 0x05;
const BAD_H4_PACKET = 0x01;
const ACL_LINK_TYPE = 0x01;
const ALWAYS_WANTED: ReadonlySet<number> = new Set([
  EVENT.COMMAND_COMPLETE,
  EVENT.COMMAND_STATUS,
  EVENT.NUMBER_OF_COMPLETED_PACKETS,
]);
