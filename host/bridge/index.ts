/** The BLE module on an emulated board's UART: the only door to this folder. */

export { type AttachOptions, attachBridge } from './attach.ts';
export { blenoRadio } from './bleno-radio.ts';
export { hm10Bauds } from './hm10.ts';
export { type BridgeCounters, type BridgedBoard, BridgeModule, type BridgeOptions } from './module.ts';
export {
  type BridgeKind,
  bridgeName,
  type GattCharacteristic,
  type GattProperty,
  MAX_NAME,
  type Personality,
  personalities,
} from './personality.ts';
export type { BridgeRadio, BridgeRadioEvents } from './radio.ts';
export { rn487xBauds } from './rn487x.ts';
