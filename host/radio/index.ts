/** Bluetooth Low Energy: adapters for noble and bleno, virtual controllers, and the air between them. See docs/radio.md. */

export { checkAdapterUrl, type OpenAdapterOptions } from './adapter.ts';
export { VirtualAir, type VirtualAirOptions } from './air.ts';
export {
  type AirServer,
  connectAir,
  DEFAULT_AIR_PORT,
  parseAirAddress,
  type ServeAirOptions,
  serveAir,
} from './air-server.ts';
export { BTSNOOP_H4, BTSNOOP_MONITOR, BtsnoopFile } from './btsnoop.ts';
export { type Central, type Noble, openCentral } from './central.ts';
export type { ControllerOptions, VirtualController } from './controller.ts';
export type { HciPort, HciTrace } from './hci-port.ts';
export { type Bleno, openPeripheral, type Peripheral } from './peripheral.ts';
export { type PtyEnd, servePty } from './pty-end.ts';
export { systemAdapters } from './system-adapter.ts';
export { nodeTimers, type Timers, VirtualTimers } from './timers.ts';
export { NRF52832_CURRENTS, type RadioCurrents, type RadioEnergy } from './transceiver.ts';
