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
  CLOUD_BAD_URL: exitCodes.usage,
  IMAGE_NOT_FOUND: exitCodes.usage,
  TRANSPORT_NOT_FOUND: exitCodes.noDevice,
  TRANSPORT_BUSY: exitCodes.busyOrPermission,
  TRANSPORT_PERMISSION: exitCodes.busyOrPermission,
  PORT_IN_USE: exitCodes.busyOrPermission,
  REPLAY_DIFFERS: exitCodes.testsFailed,
};

/** The exit code for anything that a command threw. */
export function exitCodeOf(error: unknown): number {
  return (error instanceof EarlError ? byCode[error.code] : undefined) ?? exitCodes.failure;
}
