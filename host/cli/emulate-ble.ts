/**
 * `earl emulate --ble`: the board's UART goes through an emulated module onto an air, virtual or real.
 *
 * Loaded only when it is asked for: Bluetooth stacks take their time to load. The board gets a key beside its id, and the
 * user's store of probes gets to know both, as `earl flash` does with a board that can be touched.
 */

import { randomBytes } from 'node:crypto';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { attachBridge, type BridgeKind, type BridgeModule, bridgeName, personalities } from '../bridge/index.ts';
import type { Board } from '../emulator/index.ts';
import { formatId, formatKey, parseKey, randomKey } from '../link/index.ts';
import { ProbeStore } from '../probes/index.ts';
import type { Line } from './emulate-line.ts';
import { openLocalAir } from './local-air.ts';

export interface BleFlags {
  readonly bridge?: string;
  readonly adapter?: string;
}

/** `random`: the key that the store knows for this id, else a new one. */
export type KeyChoice = 'random' | 'none' | Uint8Array;

export function parseKeyChoice(text: string): KeyChoice {
  if (text === 'random' || text === 'none') return text;
  try {
    return parseKey(text);
  } catch (error) {
    throw new EarlError('USAGE', `--key: ${errorMessage(error)}`, { cause: error });
  }
}

/**
 * The key for a board, put into the store. A probe that the user refused stays refused; `none` leaves the store as it is.
 * Throws what the store throws.
 */
export function provisionKey(
  id: Uint8Array,
  kind: string,
  choice: KeyChoice,
  store = new ProbeStore(),
): Uint8Array | undefined {
  if (choice === 'none') return undefined;
  let key: Uint8Array | undefined;
  store.update(formatId(id), (record) => {
    key = keyFor(choice, record?.key);
    const status = record?.status === 'refused' ? 'refused' : 'accepted';
    if (status === 'refused') console.error(`warning: you refused probe ${formatId(id)}: gateways will not take it in`);
    return { ...record, id: formatId(id), key: formatKey(key), status, kind };
  });
  return key;
}

function keyFor(choice: 'random' | Uint8Array, known: string | undefined): Uint8Array {
  if (choice !== 'random') return choice;
  return known === undefined ? randomKey((length) => randomBytes(length)) : parseKey(known);
}

export function parseBridgeKind(text: string): BridgeKind {
  if (Object.hasOwn(personalities, text)) return text as BridgeKind;
  throw new EarlError('USAGE', `"${text}" is no module: ${Object.keys(personalities).join(', ')}`);
}

/**
 * Solders a module to the board.
 * @param id 16 hex digits, empty for a board without one
 * @param onGone the adapter went away, or the air that it was on
 */
export async function openBle(
  board: Board,
  id: string,
  { bridge = 'nus', adapter }: BleFlags,
  onGone: (error: EarlError) => void,
): Promise<Line> {
  const kind = parseBridgeKind(bridge);
  const air = await openLocalAir(adapter);
  try {
    const name = personalities[kind].factoryName ?? bridgeName(id === '' ? '00000000' : id);
    const module = await attachBridge({
      kind,
      board,
      adapter: air.adapter(name),
      name,
      wake: () => board.uart.onQueued(),
      onGone,
    });
    module.onConnection = (peer) =>
      console.error(peer === undefined ? `${module.name}: nobody is connected` : `${module.name}: ${peer} connected`);
    return {
      description: `ble:${name}, ${kind} module ${module.address} on ${air.description}`,
      get lost() {
        const { unheard, lostToAir } = module.counters;
        return unheard + lostToAir;
      },
      write: () => {},
      close: async () => {
        console.error(summary(module));
        await module.close();
        await air.close();
      },
    };
  } catch (error) {
    await air.close();
    throw error;
  }
}

/** What went through a module, in a line. */
export function summary({ name, counters }: BridgeModule): string {
  const { connections, notifications, notifiedBytes, toBoard, lostToAir, lostToBoard } = counters;
  const lost =
    lostToAir + lostToBoard === 0 ? '' : `; ${lostToAir} bytes were too fast for the air, ${lostToBoard} for the UART`;
  return `${name}: ${connections} connections, ${notifiedBytes} bytes out in ${notifications} notifications, ${toBoard} bytes in${lost}`;
}
