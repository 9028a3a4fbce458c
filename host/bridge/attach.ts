/** Solders a module with a real or a virtual Bluetooth adapter to an emulated board. */

import { type HciPort, openPeripheral } from '../radio/index.ts';
import { blenoRadio } from './bleno-radio.ts';
import { type BridgedBoard, BridgeModule, type BridgeOptions } from './module.ts';
import { type BridgeKind, personalities } from './personality.ts';

export interface AttachOptions extends Pick<BridgeOptions, 'name' | 'wake'> {
  readonly kind: BridgeKind;
  readonly board: BridgedBoard;
  /** URL of an adapter (docs/radio.md), or a controller's port. */
  readonly adapter: string | HciPort;
}

/** Rejects as `openPeripheral` does: no adapter, no permission, nothing served. */
export async function attachBridge({ adapter, kind, ...options }: AttachOptions): Promise<BridgeModule> {
  const peripheral = await openPeripheral(adapter);
  return new BridgeModule({ ...options, kind, radio: blenoRadio(peripheral, personalities[kind]) });
}
