/**
 * Commands that make, change and end connections. Core Spec Vol 4 Part E 7.1.6, 7.1.23, 7.5.4, 7.8.12, 7.8.13, 7.8.18 to
 * 7.8.21, 7.8.33 to 7.8.35 and 7.8.46.
 */
import { ADDRESS_TYPE, deviceAddress } from './address.ts';
import { readScanTiming } from './commands-gap.ts';
import { LE_FEATURES, VERSION } from './commands-information.ts';
import type { Connection, VirtualController } from './controller.ts';
import { type AddCommand, connectionOf, Refusal } from './controller-commands.ts';
import { COMMAND, ERROR, LE_EVENT, littleEndian, readUint16 } from './hci.ts';
import { type ConnectionParameters, dataTimeUs, INITIAL_OCTETS, ROLE } from './link-end.ts';

/** Reasons that a host may give for Disconnect, 7.1.6. */
const DISCONNECT_REASONS: ReadonlySet<number> = new Set([0x05, 0x13, 0x14, 0x15, 0x1a, 0x29, 0x3b]);
/** All 37 data channels. */
const CHANNEL_MAP = [0xff, 0xff, 0xff, 0xff, 0x1f];

export function addConnectionCommands(add: AddCommand, controller: VirtualController): void {
  add(COMMAND.LE_CREATE_CONNECTION, 25, (p) => createConnection(controller, p));
  add(COMMAND.LE_CREATE_CONNECTION_CANCEL, 0, () => cancelConnection(controller));
  add(COMMAND.DISCONNECT, 3, (p) => {
    const { end } = connectionOf(controller, p);
    const reason = p[2]!;
    if (!DISCONNECT_REASONS.has(reason)) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
    end.sendControl({ kind: 'LL_TERMINATE_IND', reason });
    return 'pending';
  });
  add(COMMAND.LE_CONNECTION_UPDATE, 14, (p) => updateConnection(connectionOf(controller, p), p));
  add(COMMAND.READ_RSSI, 2, (p) => {
    const connection = connectionOf(controller, p);
    return [...handleOf(connection), controller.context.rssiDbm(connection) & 0xff];
  });
  add(COMMAND.LE_READ_CHANNEL_MAP, 2, (p) => [...handleOf(connectionOf(controller, p)), ...CHANNEL_MAP]);
  addRemoteCommands(add, controller);
  addDataLengthCommands(add, controller);
}

function addRemoteCommands(add: AddCommand, controller: VirtualController): void {
  add(COMMAND.LE_READ_REMOTE_FEATURES, 2, (p) => {
    const { end, pending } = connectionOf(controller, p);
    pending.add('features');
    const kind = end.role === ROLE.CENTRAL ? 'LL_FEATURE_REQ' : 'LL_PERIPHERAL_FEATURE_REQ';
    end.sendControl({ kind, features: Uint8Array.from(LE_FEATURES) });
    return 'pending';
  });
  add(COMMAND.READ_REMOTE_VERSION_INFORMATION, 2, (p) => {
    const { end, pending } = connectionOf(controller, p);
    pending.add('version');
    end.sendControl({ kind: 'LL_VERSION_IND', version: VERSION });
    return 'pending';
  });
}

function addDataLengthCommands(add: AddCommand, controller: VirtualController): void {
  add(COMMAND.LE_SET_DATA_LENGTH, 6, (p) => {
    const connection = connectionOf(controller, p);
    controller.requestDataLength(connection.end, readTxOctets(p, 2));
    return handleOf(connection);
  });
  add(COMMAND.LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH, 0, () => {
    const octets = controller.suggestedTxOctets;
    return [...littleEndian(octets, 2), ...littleEndian(dataTimeUs(octets), 2)];
  });
  add(COMMAND.LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH, 4, (p) => {
    controller.suggestedTxOctets = readTxOctets(p, 0);
    return undefined;
  });
  add(COMMAND.LE_READ_MAXIMUM_DATA_LENGTH, 0, () => {
    const { rxOctets, rxTimeUs, txOctets, txTimeUs } = controller.dataLengthLimits;
    return [txOctets, txTimeUs, rxOctets, rxTimeUs].flatMap((value) => littleEndian(value, 2));
  });
}

function createConnection(controller: VirtualController, p: Uint8Array): 'pending' {
  const { initiator, connections, acceptList } = controller;
  if (initiator.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
  if (connections.size >= controller.maxConnections) throw new Refusal(ERROR.CONNECTION_LIMIT_EXCEEDED);
  const timing = readScanTiming(p, 0);
  const usesAcceptList = p[4] === 1;
  const peer = deviceAddress(p[5]!, p.subarray(6, 12));
  const isConnected = [...connections.values()].some((other) => other.peer.key === peer.key);
  if (!usesAcceptList && isConnected) throw new Refusal(ERROR.CONNECTION_ALREADY_EXISTS);
  // The shorter of the two event lengths: what the host needs, not what it would like.
  controller.wantedConnection = {
    parameters: readConnectionParameters(p, 13),
    eventLengthUs: readUint16(p, 21) * 625,
  };
  controller.scansRandom = p[12] === ADDRESS_TYPE.RANDOM;
  initiator.start(timing, (address) => (usesAcceptList ? acceptList.has(address.key) : address.key === peer.key));
  controller.context.listeners.add(initiator);
  return 'pending';
}

function cancelConnection(controller: VirtualController): undefined {
  const { initiator, context } = controller;
  if (!initiator.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
  initiator.end();
  context.listeners.delete(initiator);
  // 7.8.13: after the Command Complete an LE Connection Complete says that there is none.
  context.schedule.soon(() => {
    const parameters = [ERROR.UNKNOWN_CONNECTION_IDENTIFIER, ...new Array<number>(17).fill(0)];
    controller.sendLeEvent(LE_EVENT.CONNECTION_COMPLETE, parameters);
  });
  return undefined;
}

function updateConnection({ end, link, pending }: Connection, p: Uint8Array): 'pending' {
  const parameters = readConnectionParameters(p, 2);
  // A peripheral would ask with LL_CONNECTION_PARAM_REQ, which is not among the features; its host asks by L2CAP.
  if (end.role !== ROLE.CENTRAL) throw new Refusal(ERROR.UNSUPPORTED_REMOTE_FEATURE);
  if (link.updatePending) throw new Refusal(ERROR.COMMAND_DISALLOWED);
  pending.add('update');
  link.requestUpdate(parameters);
  return 'pending';
}

function handleOf(connection: Connection): number[] {
  return littleEndian(connection.end.handle, 2);
}

/**
 * Interval minimum and maximum, latency, supervision timeout; of the intervals the controller takes the longest. 7.8.12.
 * Throws Invalid HCI Command Parameters.
 */
function readConnectionParameters(p: Uint8Array, at: number): ConnectionParameters {
  const minimum = readUint16(p, at);
  const interval = readUint16(p, at + 2);
  const latency = readUint16(p, at + 4);
  const timeout = readUint16(p, at + 6);
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
