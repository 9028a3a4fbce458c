/** Solders a module with a real or a virtual Bluetooth adapter to an emulated board. */

import type { EarlError } from '../../errors/index.ts';
import { type HciPort, openPeripheral } from '../radio/index.ts';
import { blenoRadio } from './bleno-radio.ts';
import { type BridgedBoard, BridgeModule, type BridgeOptions } from './module.ts';
import { type BridgeKind, personalities } from './personality.ts';

export interface AttachOptions extends Pick<BridgeOptions, 'name' | 'wake'> {
  readonly kind: BridgeKind;
  readonly board: BridgedBoard;
  /** URL of an adapter (docs/radio.md), or a controller's port. */
  readonly adapter: string | HciPort;
  /** The adapter went away: the module is deaf from now on. Whoever was connected is gone, which the board sees. */
  readonly onGone?: (error: EarlError) => void;
}

/** Rejects as `openPeripheral` does: no adapter, no permission, nothing served. */
export async function attachBridge({ adapter, kind, onGone, ...options }: AttachOptions): Promise<BridgeModule> {
  let module: BridgeModule | undefined;
  const peripheral = await openPeripheral(adapter, {
    onGone: (error) => {
      module?.onDisconnected();
      onGone?.(error);
    },
  });
  module = new BridgeModule({ ...options, kind, radio: blenoRadio(peripheral, personalities[kind]) });
  return module;
}
