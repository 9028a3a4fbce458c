/** Exit codes of every `earl` command, and how an error becomes one. */
import { EarlError } from '../../errors/index.ts';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  noDevice: 3,
  busyOrPermission: 4,
  flashFailed: 5,
  testsFailed: 6,
  interrupted: 130,
} as const;

const byCode: Record<string, number> = {
  USAGE: exitCodes.usage,
  BACKPLANE_BAD_URL: exitCodes.usage,
  CLOUD_BAD_URL: exitCodes.usage,
  IMAGE_NOT_FOUND: exitCodes.usage,
  PROBES_BAD_ID: exitCodes.usage,
  PROBES_PERMISSION: exitCodes.busyOrPermission,
  KEYS_BAD: exitCodes.usage,
  KEYS_PERMISSION: exitCodes.busyOrPermission,
  TLS_BAD: exitCodes.usage,
  TOKEN_FILE: exitCodes.usage,
  PROBES_LOCKED: exitCodes.busyOrPermission,
  TRANSPORT_NOT_FOUND: exitCodes.noDevice,
  HIL_NO_PROBE: exitCodes.noDevice,
  BLUETOOTH_OFF: exitCodes.noDevice,
  DATA_IN_USE: exitCodes.busyOrPermission,
  TRANSPORT_BUSY: exitCodes.busyOrPermission,
  TRANSPORT_PERMISSION: exitCodes.busyOrPermission,
  PORT_IN_USE: exitCodes.busyOrPermission,
  FLASH_INFO_A: exitCodes.usage,
  FLASH_PASSWORD_NEEDED: exitCodes.usage,
  FLASH_CALIBRATION: exitCodes.usage,
  FLASH_NO_ANSWER: exitCodes.noDevice,
  FLASH_ABORTED: exitCodes.interrupted,
  REPLAY_DIFFERS: exitCodes.testsFailed,
};

/** The exit code for anything that a command threw. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof EarlError)) return exitCodes.failure;
  return byCode[error.code] ?? (error.code.startsWith('FLASH_') ? exitCodes.flashFailed : exitCodes.failure);
}
