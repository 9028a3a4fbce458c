/** Commands of advertising, scanning and the filter accept list. Core Spec Vol 4 Part E 7.8.4 to 7.8.11 and 7.8.14 to 7.8.17. */
import { ADDRESS_TYPE, deviceAddress } from './address.ts';
import { ADVERTISING_TYPE } from './advertiser.ts';
import type { VirtualController } from './controller.ts';
import { type AddCommand, Refusal } from './controller-commands.ts';
import { COMMAND, ERROR, readUint16 } from './hci.ts';
import type { ScanTiming } from './scanner.ts';

const MAX_ACCEPT_LIST = 32;
const MAX_ADVERTISING_DATA = 31;
const DIRECTED_LOW_DUTY = 4;
const UNDIRECTED: ReadonlySet<number> = new Set([
  ADVERTISING_TYPE.ADV_IND,
  ADVERTISING_TYPE.ADV_SCAN_IND,
  ADVERTISING_TYPE.ADV_NONCONN_IND,
]);

export function addGapCommands(add: AddCommand, controller: VirtualController): void {
  add(COMMAND.LE_SET_RANDOM_ADDRESS, 6, (p) => {
    controller.randomAddress = deviceAddress(ADDRESS_TYPE.RANDOM, p);
    return undefined;
  });
  addAdvertisingCommands(add, controller);
  addScanningCommands(add, controller);
  addAcceptListCommands(add, controller);
}

function addAdvertisingCommands(add: AddCommand, controller: VirtualController): void {
  const { advertiser, radio } = controller;
  add(COMMAND.LE_SET_ADVERTISING_PARAMETERS, 15, (p) => setAdvertisingParameters(controller, p));
  add(COMMAND.LE_READ_ADVERTISING_PHYSICAL_CHANNEL_TX_POWER, 0, () => [radio.txPowerDbm & 0xff]);
  add(COMMAND.LE_SET_ADVERTISING_DATA, 1, (p) => {
    advertiser.data = readAdvertisingData(p);
    return undefined;
  });
  add(COMMAND.LE_SET_SCAN_RESPONSE_DATA, 1, (p) => {
    advertiser.scanResponseData = readAdvertisingData(p);
    return undefined;
  });
  add(COMMAND.LE_SET_ADVERTISING_ENABLE, 1, (p) => {
    if (p[0] === 1) advertiser.start();
    else advertiser.stop();
    return undefined;
  });
}

function setAdvertisingParameters(controller: VirtualController, p: Uint8Array): undefined {
  if (controller.advertiser.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
  const [minimum, maximum, type] = [readUint16(p, 0), readUint16(p, 2), p[4]!];
  const channelMap = p[13]! & 7;
  if (!UNDIRECTED.has(type)) {
    const isKnown = type <= DIRECTED_LOW_DUTY;
    throw new Refusal(isKnown ? ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE : ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  }
  if (minimum < 0x20 || maximum > 0x4000 || minimum > maximum || channelMap === 0) {
    throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  }
  controller.advertisesRandom = p[5] === ADDRESS_TYPE.RANDOM;
  controller.advertiser.parameters = { intervalUs: maximum * 625, type, channelMap, filterPolicy: p[14]! };
  return undefined;
}

/** Hosts send 31 octets whatever the length says; a shorter command is taken at its length. */
function readAdvertisingData(p: Uint8Array): Uint8Array {
  if (p[0]! > MAX_ADVERTISING_DATA || p[0]! > p.length - 1) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  return p.slice(1, 1 + p[0]!);
}

function addScanningCommands(add: AddCommand, controller: VirtualController): void {
  const { scanner } = controller;
  const { listeners } = controller.context;
  let timing: ScanTiming = { intervalUs: 10_000, windowUs: 10_000 };
  let isActive = false;
  add(COMMAND.LE_SET_SCAN_PARAMETERS, 7, (p) => {
    if (scanner.isEnabled) throw new Refusal(ERROR.COMMAND_DISALLOWED);
    timing = readScanTiming(p, 1);
    isActive = p[0] === 1;
    controller.scansRandom = p[5] === ADDRESS_TYPE.RANDOM;
    controller.scanUsesAcceptList = (p[6]! & 1) === 1;
    return undefined;
  });
  add(COMMAND.LE_SET_SCAN_ENABLE, 2, (p) => {
    scanner.end();
    listeners.delete(scanner);
    if (p[0] !== 1) return undefined;
    scanner.start(timing, isActive, p[1] === 1);
    listeners.add(scanner);
    return undefined;
  });
}

/** Interval and window, 2.5 ms to 10.24 s. Throws Invalid HCI Command Parameters. */
export function readScanTiming(p: Uint8Array, at: number): ScanTiming {
  const [interval, window] = [readUint16(p, at), readUint16(p, at + 2)];
  if (interval < 4 || interval > 0x4000 || window < 4 || window > interval) {
    throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
  }
  return { intervalUs: interval * 625, windowUs: window * 625 };
}

function addAcceptListCommands(add: AddCommand, { acceptList }: VirtualController): void {
  add(COMMAND.LE_READ_FILTER_ACCEPT_LIST_SIZE, 0, () => [MAX_ACCEPT_LIST]);
  add(COMMAND.LE_CLEAR_FILTER_ACCEPT_LIST, 0, () => {
    acceptList.clear();
    return undefined;
  });
  add(COMMAND.LE_ADD_DEVICE_TO_FILTER_ACCEPT_LIST, 7, (p) => {
    const address = deviceAddress(p[0]!, p.subarray(1, 7));
    if (acceptList.size >= MAX_ACCEPT_LIST && !acceptList.has(address.key)) {
      throw new Refusal(ERROR.MEMORY_CAPACITY_EXCEEDED);
    }
    acceptList.set(address.key, address);
    return undefined;
  });
  add(COMMAND.LE_REMOVE_DEVICE_FROM_FILTER_ACCEPT_LIST, 7, (p) => {
    acceptList.delete(deviceAddress(p[0]!, p.subarray(1, 7)).key);
    return undefined;
  });
}
