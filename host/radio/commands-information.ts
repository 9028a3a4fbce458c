/**
 * Commands that ask a controller what it is, and those that reset it and mask its events.
 *
 * Core Spec Vol 4 Part E: 7.3 (controller and baseband), 7.4 (informational parameters), 7.8 (LE: buffers, features, states).
 */
import type { VirtualController } from './controller.ts';
import type { AddCommand } from './controller-commands.ts';
import { COMMAND, littleEndian } from './hci.ts';
import type { LinkLayerVersion } from './link-end.ts';
import { SUPPORTED_COMMANDS, SUPPORTED_STATES } from './supported.ts';

/** HCI and LL version 5.3 (12); 0xffff is the company identifier for tests. noble wants 4.0 (6) at least. */
export const VERSION: LinkLayerVersion = { version: 0x0c, company: 0xffff, subversion: 1 };
/**
 * LE features, Vol 6 Part B 4.6: bit 3 peripheral-initiated features exchange, bit 5 data packet length extension.
 * Bit 12 (extended advertising) stays clear: hosts would send extended scan commands.
 */
export const LE_FEATURES: readonly number[] = [0x28, 0, 0, 0, 0, 0, 0, 0];
/** LMP features: BR/EDR Not Supported (37), LE Supported (38). */
const LMP_FEATURES = [0, 0, 0, 0, 0x60, 0, 0, 0];

export function addInformationCommands(add: AddCommand, controller: VirtualController): void {
  const { octets, count } = controller.aclBuffers;
  add(COMMAND.RESET, 0, () => {
    controller.resetState();
    return undefined;
  });
  add(COMMAND.SET_EVENT_MASK, 8, (p) => {
    controller.eventMask = readMask(p);
    return undefined;
  });
  add(COMMAND.LE_SET_EVENT_MASK, 8, (p) => {
    controller.leEventMask = readMask(p);
    return undefined;
  });
  add(COMMAND.READ_LE_HOST_SUPPORT, 0, () => [controller.hostSupportsLe, 0]);
  add(COMMAND.WRITE_LE_HOST_SUPPORT, 2, (p) => {
    controller.hostSupportsLe = p[0]! & 1;
    return undefined;
  });
  add(COMMAND.READ_LOCAL_VERSION_INFORMATION, 0, () => {
    const { version, company, subversion } = VERSION;
    return [
      version,
      ...littleEndian(subversion, 2),
      version,
      ...littleEndian(company, 2),
      ...littleEndian(subversion, 2),
    ];
  });
  add(COMMAND.READ_LOCAL_SUPPORTED_COMMANDS, 0, () => [...SUPPORTED_COMMANDS]);
  add(COMMAND.READ_LOCAL_SUPPORTED_FEATURES, 0, () => LMP_FEATURES);
  // No buffers of BR/EDR: the host is to ask LE Read Buffer Size, and gets the same when it does not.
  add(COMMAND.READ_BUFFER_SIZE, 0, () => [...littleEndian(octets, 2), 0, ...littleEndian(count, 2), 0, 0]);
  add(COMMAND.READ_BD_ADDR, 0, () => [...controller.publicAddress.bytes]);
  add(COMMAND.LE_READ_BUFFER_SIZE, 0, () => [...littleEndian(octets, 2), count]);
  add(COMMAND.LE_READ_LOCAL_SUPPORTED_FEATURES, 0, () => LE_FEATURES);
  add(COMMAND.LE_READ_SUPPORTED_STATES, 0, () => [...SUPPORTED_STATES]);
  add(COMMAND.LE_RAND, 0, () => [...controller.context.random.bytes(8)]);
}

function readMask(p: Uint8Array): bigint {
  return p.subarray(0, 8).reduceRight((mask, byte) => (mask << 8n) | BigInt(byte), 0n);
}
