/**
 * What a virtual controller does with each HCI command. Core Spec Vol 4 Part E section 7; the names are the spec's.
 *
 * A command with too few parameters or values out of range is answered with Invalid HCI Command Parameters.
 */
import { ADDRESS_TYPE, deviceAddress } from './address.ts';
import type { Connection, VirtualController } from './controller.ts';
import { dataTimeUs } from './controller.ts';
import { COMMAND, ERROR, EVENT, LE_EVENT, littleEndian, readUint16 } from './hci.ts';
import {
  type ConnectionParameters,
  type ControlPdu,
  type DataLength,
  INITIAL_OCTETS,
  type LinkEnd,
  type LinkLayerVersion,
  ROLE,
} from './link-end.ts';
import { SUPPORTED_COMMANDS, SUPPORTED_STATES } from './supported.ts';

/** A refusal: becomes the status of the command. */
class Refusal {
  readonly status: number;
  constructor(status: number) {
    this.status = status;
  }
}

/** Return parameters after the status; `pending` answers with Command Status instead and with an event later. */
type Reply = readonly number[] | 'pending';
type Handler = (parameters: Uint8Array) => Reply | undefined;

/** 5.3 and up makes noble happy (>= 6 is 4.0); the version of the features below. */
const VERSION: LinkLayerVersion = { version: 0x0c, company: 0xffff, subversion: 1 };
/** LE features: bit 3 peripheral-initiated features exchange, bit 5 data packet length extension. Never bit 12. */
const FEATURES = [0x28, 0, 0, 0, 0, 0, 0, 0];
const MAX_ACCEPT_LIST = 32;

export class CommandTable {
  /** What the host asked for in LE Create Connection; the event length is 0 when it left that open. */
  wanted: { readonly parameters: ConnectionParameters; readonly eventLengthUs: number } = {
    parameters: { interval: 24, latency: 0, timeout: 42 },
    eventLengthUs: 0,
  };
  private readonly controller: VirtualController;
  private scanTiming = { intervalUs: 10_000, windowUs: 10_000 };
  private scanIsActive = false;
  private readonly handlers: ReadonlyMap<number, readonly [minOctets: number, handler: Handler]>;

  constructor(controller: VirtualController) {
    this.controller = controller;
    this.handlers = new Map([
      ...this.basicCommands(),
      ...this.advertisingCommands(),
      ...this.scanningCommands(),
      ...this.connectionCommands(),
    ]);
  }

  execute(opcode: number, parameters: Uint8Array): void {
    const entry = this.handlers.get(opcode);
    if (entry === undefined) {
      this.complete(opcode, [ERROR.UNKNOWN_HCI_COMMAND]);
      return;
    }
    const [minOctets, handler] = entry;
    try {
      if (parameters.length < minOctets) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
      // The status event goes out before anything that the command sets off, which is never synchronous.
      const reply = handler(parameters);
      if (reply === 'pending') this.status(opcode, ERROR.SUCCESS);
      else this.complete(opcode, [ERROR.SUCCESS, ...(reply ?? [])]);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (ANSWERED_BY_STATUS.has(opcode)) this.status(opcode, refusal.status);
      else this.complete(opcode, [refusal.status, ...(HANDLE_RETURNING.has(opcode) ? parameters.subarray(0, 2) : [])]);
    }
  }

  private complete(opcode: number, returnParameters: readonly number[]): void {
    this.controller.sendEvent(EVENT.COMMAND_COMPLETE, [1, ...littleEndian(opcode, 2), ...returnParameters]);
  }

  private status(opcode: number, status: number): void {
    this.controller.sendEvent(EVENT.COMMAND_STATUS, [status, 1, ...littleEndian(opcode, 2)]);
  }

  private connection(parameters: Uint8Array): Connection {
    const connection = this.controller.connections.get(readUint16(parameters, 0) & 0x0fff);
    if (connection === undefined) throw new Refusal(ERROR.UNKNOWN_CONNECTION_IDENTIFIER);
    return connection;
  }

  private basicCommands(): [number, [number, Handler]][] {
    const { controller } = this;
    const { octets, count } = controller.aclBuffers;
    return [
      [
        COMMAND.RESET,
        [
          0,
          () => {
            controller.resetState();
            return undefined;
          },
        ],
      ],
      [
        COMMAND.SET_EVENT_MASK,
        [
          8,
          (p) => {
            controller.eventMask = readMask(p);
            return undefined;
          },
        ],
      ],
      [
        COMMAND.LE_SET_EVENT_MASK,
        [
          8,
          (p) => {
            controller.leEventMask = readMask(p);
            return undefined;
          },
        ],
      ],
      [COMMAND.READ_LE_HOST_SUPPORT, [0, () => [controller.hostSupportsLe, 0]]],
      [
        COMMAND.WRITE_LE_HOST_SUPPORT,
        [
          2,
          (p) => {
            controller.hostSupportsLe = p[0]! & 1;
            return undefined;
          },
        ],
      ],
      [
        COMMAND.READ_LOCAL_VERSION_INFORMATION,
        [
          0,
          () => [
            VERSION.version,
            ...littleEndian(VERSION.subversion, 2),
            VERSION.version,
            ...littleEndian(VERSION.company, 2),
            ...littleEndian(VERSION.subversion, 2),
          ],
        ],
      ],
      [COMMAND.READ_LOCAL_SUPPORTED_COMMANDS, [0, () => [...SUPPORTED_COMMANDS]]],
      // LMP features: BR/EDR Not Supported (37), LE Supported (38).
      [COMMAND.READ_LOCAL_SUPPORTED_FEATURES, [0, () => [0, 0, 0, 0, 0x60, 0, 0, 0]]],
      [COMMAND.READ_BUFFER_SIZE, [0, () => [...littleEndian(octets, 2), 0, ...littleEndian(count, 2), 0, 0]]],
      [COMMAND.READ_BD_ADDR, [0, () => [...controller.publicAddress.bytes]]],
      [COMMAND.LE_READ_BUFFER_SIZE, [0, () => [...littleEndian(octets, 2), count]]],
      [COMMAND.LE_READ_LOCAL_SUPPORTED_FEATURES, [0, () => FEATURES]],
      [COMMAND.LE_READ_SUPPORTED_STATES, [0, () => [...SUPPORTED_STATES]]],
      [COMMAND.LE_RAND, [0, () => [...controller.context.random.bytes(8)]]],
      [
        COMMAND.LE_SET_RANDOM_ADDRESS,
        [
          6,
          (p) => {
            controller.randomAddress = deviceAddress(ADDRESS_TYPE.RANDOM, p);
            return undefined;
          },
        ],
      ],
      [COMMAND.LE_READ_FILTER_ACCEPT_LIST_SIZE, [0, () => [MAX_ACCEPT_LIST]]],
      [
        COMMAND.LE_CLEAR_FILTER_ACCEPT_LIST,
        [
          0,
          () => {
            controller.acceptList.clear();
            return undefined;
          },
        ],
      ],
      [COMMAND.LE_ADD_DEVICE_TO_FILTER_ACCEPT_LIST, [7, (p) => this.addToAcceptList(p)]],
      [
        COMMAND.LE_REMOVE_DEVICE_FROM_FILTER_ACCEPT_LIST,
        [
          7,
          (p) => {
            controller.acceptList.delete(deviceAddress(p[0]!, p.subarray(1, 7)).key);
            return undefined;
          },
        ],
      ],
    ];
  }

  private addToAcceptList(p: Uint8Array): Reply {
    const { acceptList } = this.controller;
    const address = deviceAddress(p[0]!, p.subarray(1, 7));
    if (acceptList.size >= MAX_ACCEPT_LIST && !acceptList.has(address.key)) {
      throw new Refusal(ERROR.MEMORY_CAPACITY_EXCEEDED);
    }
    acceptList.set(address.key, address);
    return [];
  }

  private advertisingCommands(): [number, [number, Handler]][] {
    const { advertiser, radio } = this.controller;
    return [
      [COMMAND.LE_SET_ADVERTISING_PARAMETERS, [15, (p) => this.setAdvertisingParameters(p)]],
      [COMMAND.LE_READ_ADVERTISING_PHYSICAL_CHANNEL_TX_POWER, [0, () => [radio.txPowerDbm & 0xff]]],
      [
        COMMAND.LE_SET_ADVERTISING_DATA,
        [
          32,
          (p) => {
            advertiser.data = advertisingData(p);
            return undefined;
          },
        ],
      ],
      [
        COMMAND.LE_SET_SCAN_RESPONSE_DATA,
        [
          32,
          (p) => {
            advertiser.scanResponseData = advertisingData(p);
            return undefined;
          },
        ],
      ],
      [COMMAND.LE_SET_ADVERTISING_ENABLE, [1, (p) => (p[0] === 1 ? advertiser.start() : advertiser.stop(), [])]],
    ];
  }

  private setAdvertisingParameters(p: Uint8Array): Reply {
    const { controller } = this;
    if (controller.advertiser.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
    const [minimum, maximum, type] = [readUint16(p, 0), readUint16(p, 2), p[4]!];
    const channelMap = p[13]! & 7;
    if (type === DIRECTED_HIGH_DUTY || type === DIRECTED_LOW_DUTY) {
      throw new Refusal(ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE);
    }
    if (minimum < 0x20 || maximum > 0x4000 || minimum > maximum || channelMap === 0 || type > DIRECTED_LOW_DUTY) {
      throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
    }
    controller.advertisesRandom = p[5] === ADDRESS_TYPE.RANDOM;
    controller.advertiser.parameters = { intervalUs: maximum * 625, type, channelMap, filterPolicy: p[14]! };
    return [];
  }

  private scanningCommands(): [number, [number, Handler]][] {
    return [
      [COMMAND.LE_SET_SCAN_PARAMETERS, [7, (p) => this.setScanParameters(p)]],
      [COMMAND.LE_SET_SCAN_ENABLE, [2, (p) => this.setScanEnable(p[0] === 1, p[1] === 1)]],
    ];
  }

  private setScanParameters(p: Uint8Array): Reply {
    const { controller } = this;
    if (controller.scanner.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
    this.scanTiming = readScanTiming(p, 1);
    this.scanIsActive = p[0] === 1;
    controller.scansRandom = p[5] === ADDRESS_TYPE.RANDOM;
    controller.scanUsesAcceptList = (p[6]! & 1) === 1;
    return [];
  }

  private setScanEnable(isEnabled: boolean, filtersDuplicates: boolean): Reply {
    const { scanner, context } = this.controller;
    if (scanner.isEnabled) scanner.end();
    context.listeners.delete(scanner);
    if (isEnabled) {
      scanner.start(this.scanTiming, this.scanIsActive, filtersDuplicates);
      context.listeners.add(scanner);
    }
    return [];
  }

  private connectionCommands(): [number, [number, Handler]][] {
    const { controller } = this;
    return [
      [COMMAND.LE_CREATE_CONNECTION, [25, (p) => this.createConnection(p)]],
      [COMMAND.LE_CREATE_CONNECTION_CANCEL, [0, () => this.cancelConnection()]],
      [COMMAND.DISCONNECT, [3, (p) => this.disconnect(p)]],
      [COMMAND.LE_CONNECTION_UPDATE, [14, (p) => this.updateConnection(p)]],
      [COMMAND.READ_RSSI, [2, (p) => this.readRssi(p)]],
      [COMMAND.LE_READ_CHANNEL_MAP, [2, (p) => [...handleOf(this.connection(p)), 0xff, 0xff, 0xff, 0xff, 0x1f]]],
      [COMMAND.LE_READ_REMOTE_FEATURES, [2, (p) => this.readRemoteFeatures(p)]],
      [COMMAND.READ_REMOTE_VERSION_INFORMATION, [2, (p) => this.readRemoteVersion(p)]],
      [COMMAND.LE_SET_DATA_LENGTH, [6, (p) => this.setDataLength(p)]],
      [
        COMMAND.LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH,
        [
          0,
          () => [
            ...littleEndian(controller.suggestedTxOctets, 2),
            ...littleEndian(dataTimeUs(controller.suggestedTxOctets), 2),
          ],
        ],
      ],
      [
        COMMAND.LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH,
        [
          4,
          (p) => {
            controller.suggestedTxOctets = readTxOctets(p, 0);
            return undefined;
          },
        ],
      ],
      [COMMAND.LE_READ_MAXIMUM_DATA_LENGTH, [0, () => this.maximumDataLength()]],
    ];
  }

  private createConnection(p: Uint8Array): Reply {
    const { controller } = this;
    if (controller.initiator.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
    if (controller.connections.size >= controller.maxConnections) throw new Refusal(ERROR.CONNECTION_LIMIT_EXCEEDED);
    const timing = readScanTiming(p, 0);
    const usesAcceptList = p[4] === 1;
    const peer = deviceAddress(p[5]!, p.subarray(6, 12));
    const isConnected = [...controller.connections.values()].some((other) => other.peer.key === peer.key);
    if (!usesAcceptList && isConnected) throw new Refusal(ERROR.CONNECTION_ALREADY_EXISTS);
    // The shorter of the two lengths: what the host needs, not what it would like.
    this.wanted = { parameters: readConnectionParameters(p, 13), eventLengthUs: readUint16(p, 21) * 625 };
    controller.scansRandom = p[12] === ADDRESS_TYPE.RANDOM;
    controller.initiator.start(timing, (address) =>
      usesAcceptList ? controller.acceptList.has(address.key) : address.key === peer.key,
    );
    controller.context.listeners.add(controller.initiator);
    return 'pending';
  }

  private cancelConnection(): Reply {
    const { initiator, context } = this.controller;
    if (!initiator.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
    initiator.end();
    context.listeners.delete(initiator);
    // 7.8.13: after the Command Complete, an LE Connection Complete with Unknown Connection Identifier.
    context.schedule.soon(() => {
      this.controller.sendLeEvent(LE_EVENT.CONNECTION_COMPLETE, [
        ERROR.UNKNOWN_CONNECTION_IDENTIFIER,
        ...new Array<number>(17).fill(0),
      ]);
    });
    return [];
  }

  private disconnect(p: Uint8Array): Reply {
    const { end } = this.connection(p);
    const reason = p[2]!;
    if (!DISCONNECT_REASONS.has(reason)) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
    end.sendControl({ kind: 'LL_TERMINATE_IND', reason });
    return 'pending';
  }

  private updateConnection(p: Uint8Array): Reply {
    const connection = this.connection(p);
    const parameters = readConnectionParameters(p, 2);
    // A peripheral would ask with LL_CONNECTION_PARAM_REQ, which is not among the features.
    if (connection.end.role !== ROLE.CENTRAL) throw new Refusal(ERROR.UNSUPPORTED_REMOTE_FEATURE);
    if (connection.link.updatePending) throw new Refusal(ERROR.COMMAND_DISALLOWED);
    connection.pending.add('update');
    connection.link.requestUpdate(parameters);
    return 'pending';
  }

  private readRssi(p: Uint8Array): Reply {
    const connection = this.connection(p);
    return [...handleOf(connection), this.controller.context.rssiDbm(connection.end) & 0xff];
  }

  private readRemoteFeatures(p: Uint8Array): Reply {
    const connection = this.connection(p);
    connection.pending.add('features');
    const kind = connection.end.role === ROLE.CENTRAL ? 'LL_FEATURE_REQ' : 'LL_PERIPHERAL_FEATURE_REQ';
    connection.end.sendControl({ kind, features: Uint8Array.from(FEATURES) });
    return 'pending';
  }

  private readRemoteVersion(p: Uint8Array): Reply {
    const connection = this.connection(p);
    connection.pending.add('version');
    connection.end.sendControl({ kind: 'LL_VERSION_IND', version: VERSION });
    return 'pending';
  }

  private setDataLength(p: Uint8Array): Reply {
    const connection = this.connection(p);
    this.controller.requestDataLength(connection.end, readTxOctets(p, 2));
    return handleOf(connection);
  }

  private maximumDataLength(): Reply {
    const { rxOctets, rxTimeUs, txOctets, txTimeUs } = this.controller.dataLengthLimits;
    return [txOctets, txTimeUs, rxOctets, rxTimeUs].flatMap((value) => littleEndian(value, 2));
  }

  /** A control PDU of the peer that concerns the controller or its host. */
  onControl(end: LinkEnd, control: ControlPdu): void {
    const connection = this.controller.connections.get(end.handle);
    if (connection === undefined) return;
    switch (control.kind) {
      case 'LL_FEATURE_REQ':
      case 'LL_PERIPHERAL_FEATURE_REQ':
        end.sendControl({ kind: 'LL_FEATURE_RSP', features: Uint8Array.from(FEATURES) });
        break;
      case 'LL_FEATURE_RSP':
        if (!connection.pending.delete('features')) break;
        this.controller.sendLeEvent(LE_EVENT.READ_REMOTE_FEATURES_COMPLETE, [
          ERROR.SUCCESS,
          ...littleEndian(end.handle, 2),
          ...control.features,
        ]);
        break;
      case 'LL_VERSION_IND':
        this.onVersion(connection, control.version);
        break;
      case 'LL_LENGTH_REQ':
        this.agreeDataLength(end, control.length);
        end.sendControl({ kind: 'LL_LENGTH_RSP', length: this.controller.dataLengthLimits });
        break;
      case 'LL_LENGTH_RSP':
        this.agreeDataLength(end, control.length);
        break;
      case 'LL_TERMINATE_IND':
      case 'LL_CONNECTION_UPDATE_IND':
        break;
      default:
        control satisfies never;
    }
  }

  private onVersion(connection: Connection, version: LinkLayerVersion): void {
    if (!connection.pending.delete('version')) {
      connection.end.sendControl({ kind: 'LL_VERSION_IND', version: VERSION });
      return;
    }
    this.controller.sendEvent(EVENT.READ_REMOTE_VERSION_INFORMATION_COMPLETE, [
      ERROR.SUCCESS,
      ...handleOf(connection),
      version.version,
      ...littleEndian(version.company, 2),
      ...littleEndian(version.subversion, 2),
    ]);
  }

  /** Each direction carries what its sender may and its receiver can. Vol 6 Part B 4.5.10. */
  private agreeDataLength(end: LinkEnd, peer: DataLength): void {
    const own = this.controller.dataLengthLimits;
    const before = end.dataLength;
    const agreed = {
      txOctets: Math.min(own.txOctets, peer.rxOctets),
      txTimeUs: Math.min(own.txTimeUs, peer.rxTimeUs),
      rxOctets: Math.min(own.rxOctets, peer.txOctets),
      rxTimeUs: Math.min(own.rxTimeUs, peer.txTimeUs),
    };
    end.dataLength = agreed;
    if (before.txOctets === agreed.txOctets && before.rxOctets === agreed.rxOctets) return;
    const values = [agreed.txOctets, agreed.txTimeUs, agreed.rxOctets, agreed.rxTimeUs];
    this.controller.sendLeEvent(LE_EVENT.DATA_LENGTH_CHANGE, [
      ...littleEndian(end.handle, 2),
      ...values.flatMap((value) => littleEndian(value, 2)),
    ]);
  }

  /** New parameters hold. The peripheral's host is told too, the central's host when it asked. */
  onParameters(end: LinkEnd): void {
    const connection = this.controller.connections.get(end.handle);
    if (connection === undefined) return;
    connection.pending.delete('update');
    const { interval, latency, timeout } = end.parameters;
    this.controller.sendLeEvent(LE_EVENT.CONNECTION_UPDATE_COMPLETE, [
      ERROR.SUCCESS,
      ...littleEndian(end.handle, 2),
      ...littleEndian(interval, 2),
      ...littleEndian(latency, 2),
      ...littleEndian(timeout, 2),
    ]);
  }
}

const DIRECTED_HIGH_DUTY = 1;
const DIRECTED_LOW_DUTY = 4;
/** 7.1.6. */
const DISCONNECT_REASONS: ReadonlySet<number> = new Set([0x05, 0x13, 0x14, 0x15, 0x1a, 0x29, 0x3b]);
const ANSWERED_BY_STATUS: ReadonlySet<number> = new Set([
  COMMAND.DISCONNECT,
  COMMAND.READ_REMOTE_VERSION_INFORMATION,
  COMMAND.LE_CREATE_CONNECTION,
  COMMAND.LE_CONNECTION_UPDATE,
  COMMAND.LE_READ_REMOTE_FEATURES,
]);
/** Their return parameters hold the handle even when they fail. */
const HANDLE_RETURNING: ReadonlySet<number> = new Set([
  COMMAND.READ_RSSI,
  COMMAND.LE_READ_CHANNEL_MAP,
  COMMAND.LE_SET_DATA_LENGTH,
]);

function handleOf(connection: Connection): number[] {
  return littleEndian(connection.end.handle, 2);
}

function readMask(p: Uint8Array): bigint {
  return p.subarray(0, 8).reduceRight((mask, byte) => (mask << 8n) | BigInt(byte), 0n);
}

function advertisingData(p: Uint8Array): Uint8Array {
  if (p[0]! > 31) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  return p.slice(1, 1 + p[0]!);
}

function readScanTiming(p: Uint8Array, at: number): { intervalUs: number; windowUs: number } {
  const [interval, window] = [readUint16(p, at), readUint16(p, at + 2)];
  if (interval < 4 || interval > 0x4000 || window < 4 || window > interval) {
    throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  }
  return { intervalUs: interval * 625, windowUs: window * 625 };
}

/** Interval minimum and maximum, latency, supervision timeout; the controller takes the longest interval. 7.8.12. */
function readConnectionParameters(p: Uint8Array, at: number): ConnectionParameters {
  const [minimum, interval, latency, timeout] = [0, 2, 4, 6].map((offset) => readUint16(p, at + offset)) as [
    number,
    number,
    number,
    number,
  ];
  const isSane = minimum >= 6 && interval <= 0xc80 && minimum <= interval && latency <= 499;
  // The timeout must outlast two intervals of a peripheral that uses all its latency.
  const isPatient = timeout >= 10 && timeout <= 0xc80 && timeout * 10 > (1 + latency) * interval * 1.25 * 2;
  if (!isSane || !isPatient) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  return { interval, latency, timeout };
}

function readTxOctets(p: Uint8Array, at: number): number {
  const octets = readUint16(p, at);
  if (octets < INITIAL_OCTETS || octets > 251) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  return octets;
}
