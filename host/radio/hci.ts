/**
 * Numbers and names of the Host Controller Interface, as far as Earl's controllers speak it.
 *
 * Follows Bluetooth Core Specification 5.4, Vol 4 Part E (HCI functional specification; section in brackets where it
 * helps), Vol 4 Part A (UART transport, "H4") and Vol 1 Part F (error codes).
 */

/** H4 packet indicators, Vol 4 Part A section 2. */
export const H4 = { COMMAND: 0x01, ACL_DATA: 0x02, SYNCHRONOUS_DATA: 0x03, EVENT: 0x04, ISO_DATA: 0x05 } as const;

/** Opcodes (OGF << 10 | OCF) of the commands that a virtual controller answers. */
export const COMMAND = {
  DISCONNECT: 0x0406,
  READ_REMOTE_VERSION_INFORMATION: 0x041d,
  SET_EVENT_MASK: 0x0c01,
  RESET: 0x0c03,
  READ_LE_HOST_SUPPORT: 0x0c6c,
  WRITE_LE_HOST_SUPPORT: 0x0c6d,
  READ_LOCAL_VERSION_INFORMATION: 0x1001,
  READ_LOCAL_SUPPORTED_COMMANDS: 0x1002,
  READ_LOCAL_SUPPORTED_FEATURES: 0x1003,
  READ_BUFFER_SIZE: 0x1005,
  READ_BD_ADDR: 0x1009,
  READ_RSSI: 0x1405,
  LE_SET_EVENT_MASK: 0x2001,
  LE_READ_BUFFER_SIZE: 0x2002,
  LE_READ_LOCAL_SUPPORTED_FEATURES: 0x2003,
  LE_SET_RANDOM_ADDRESS: 0x2005,
  LE_SET_ADVERTISING_PARAMETERS: 0x2006,
  LE_READ_ADVERTISING_PHYSICAL_CHANNEL_TX_POWER: 0x2007,
  LE_SET_ADVERTISING_DATA: 0x2008,
  LE_SET_SCAN_RESPONSE_DATA: 0x2009,
  LE_SET_ADVERTISING_ENABLE: 0x200a,
  LE_SET_SCAN_PARAMETERS: 0x200b,
  LE_SET_SCAN_ENABLE: 0x200c,
  LE_CREATE_CONNECTION: 0x200d,
  LE_CREATE_CONNECTION_CANCEL: 0x200e,
  LE_READ_FILTER_ACCEPT_LIST_SIZE: 0x200f,
  LE_CLEAR_FILTER_ACCEPT_LIST: 0x2010,
  LE_ADD_DEVICE_TO_FILTER_ACCEPT_LIST: 0x2011,
  LE_REMOVE_DEVICE_FROM_FILTER_ACCEPT_LIST: 0x2012,
  LE_CONNECTION_UPDATE: 0x2013,
  LE_READ_CHANNEL_MAP: 0x2015,
  LE_READ_REMOTE_FEATURES: 0x2016,
  LE_RAND: 0x2018,
  LE_READ_SUPPORTED_STATES: 0x201c,
  LE_SET_DATA_LENGTH: 0x2022,
  LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH: 0x2023,
  LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH: 0x2024,
  LE_READ_MAXIMUM_DATA_LENGTH: 0x202f,
} as const;

export const EVENT = {
  DISCONNECTION_COMPLETE: 0x05,
  READ_REMOTE_VERSION_INFORMATION_COMPLETE: 0x0c,
  COMMAND_COMPLETE: 0x0e,
  COMMAND_STATUS: 0x0f,
  HARDWARE_ERROR: 0x10,
  NUMBER_OF_COMPLETED_PACKETS: 0x13,
  DATA_BUFFER_OVERFLOW: 0x1a,
  LE_META: 0x3e,
} as const;

/** Subevent codes of the LE Meta event, section 7.7.65. */
export const LE_EVENT = {
  CONNECTION_COMPLETE: 0x01,
  ADVERTISING_REPORT: 0x02,
  CONNECTION_UPDATE_COMPLETE: 0x03,
  READ_REMOTE_FEATURES_COMPLETE: 0x04,
  DATA_LENGTH_CHANGE: 0x07,
} as const;

/** Error codes, Vol 1 Part F section 1.3. */
export const ERROR = {
  SUCCESS: 0x00,
  UNKNOWN_HCI_COMMAND: 0x01,
  UNKNOWN_CONNECTION_IDENTIFIER: 0x02,
  MEMORY_CAPACITY_EXCEEDED: 0x07,
  CONNECTION_TIMEOUT: 0x08,
  CONNECTION_LIMIT_EXCEEDED: 0x09,
  CONNECTION_ALREADY_EXISTS: 0x0b,
  COMMAND_DISALLOWED: 0x0c,
  UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE: 0x11,
  INVALID_HCI_COMMAND_PARAMETERS: 0x12,
  REMOTE_USER_TERMINATED_CONNECTION: 0x13,
  CONNECTION_TERMINATED_BY_LOCAL_HOST: 0x16,
  UNSUPPORTED_REMOTE_FEATURE: 0x1a,
  INSTANT_PASSED: 0x28,
  CONNECTION_FAILED_TO_BE_ESTABLISHED: 0x3e,
} as const;

/** Packet boundary flags of HCI ACL data, section 5.4.2. */
export const PACKET_BOUNDARY = { FIRST_NON_FLUSHABLE: 0, CONTINUING: 1, FIRST_FLUSHABLE: 2 } as const;

/** The name of a number in one of the tables above, or the number in hex. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  for (const [name, number] of Object.entries(table)) if (number === value) return name;
  return `0x${value.toString(16).padStart(2, '0')}`;
}

/** One event as an H4 packet. */
export function eventPacket(code: number, parameters: Uint8Array): Uint8Array {
  const packet = new Uint8Array(3 + parameters.length);
  packet[0] = H4.EVENT;
  packet[1] = code;
  packet[2] = parameters.length;
  packet.set(parameters, 3);
  return packet;
}

/** One command as an H4 packet. */
export function commandPacket(opcode: number, parameters: Uint8Array | readonly number[] = []): Uint8Array {
  const packet = new Uint8Array(4 + parameters.length);
  packet[0] = H4.COMMAND;
  packet[1] = opcode & 0xff;
  packet[2] = opcode >> 8;
  packet[3] = parameters.length;
  packet.set(parameters, 4);
  return packet;
}

/** One piece of ACL data as an H4 packet. */
export function aclPacket(handle: number, boundary: number, data: Uint8Array): Uint8Array {
  const packet = new Uint8Array(5 + data.length);
  packet[0] = H4.ACL_DATA;
  packet[1] = handle & 0xff;
  packet[2] = ((handle >> 8) & 0x0f) | (boundary << 4);
  packet[3] = data.length & 0xff;
  packet[4] = data.length >> 8;
  packet.set(data, 5);
  return packet;
}

/** Little-endian bytes of a number. */
export function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}
