/** The gateway: the only door to this folder. */

export { BleWatch } from './ble-watch.ts';
export { systemClock } from './clock.ts';
export { Gateway, type GatewayOptions, type GatewayTimes } from './gateway.ts';
export type { Log, LogEntry } from './log.ts';
export { SerialWatch } from './serial-watch.ts';
export type { SpoolLimits } from './spool.ts';
