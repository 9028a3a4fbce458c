/**
 * Finds and loads the addon (calls.c, binding.c), which tools/build-native.mjs has compiled where there is a C compiler.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

declare const handle: unique symbol;
/** A set of connections. */
export type Handle = { readonly [handle]: true };

/** The functions of calls.c; what they mean stands in sockets.h. Calls with a handle that was closed do nothing. */
export interface Addon {
  open(
    input: ArrayBuffer,
    events: ArrayBuffer,
    output: ArrayBuffer,
    commands: ArrayBuffer,
    waiting: ArrayBuffer,
    words: ArrayBuffer,
    capacity: number,
    messageBytes: number,
    fragments: number,
    pauseMs: number,
    onBatch: (eventCount: number) => void,
  ): Handle;
  close(handle: Handle): void;
  adopt(handle: Handle, descriptor: number, early: Uint8Array): number;
  flush(handle: Handle): void;
  keepAlive(handle: Handle, alive: 0 | 1): void;
  setReading(handle: Handle, id: number, reading: 0 | 1): void;
  send(handle: Handle, id: number, bytes: Uint8Array): void;
  closeConnection(handle: Handle, id: number, code: number, reason: Uint8Array): void;
  terminate(handle: Handle, id: number): void;
}

/** The addon, or why there is none. */
export function loadAddon(): Addon | string {
  if (process.platform !== 'linux') return `not made for ${process.platform}`;
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
  if (root === undefined) return 'the package is not complete';
  const file = join(root, 'dist/cloud/native', `${process.platform}-${process.arch}.node`);
  if (!existsSync(file)) return 'not compiled: install a C compiler and run node tools/build-native.mjs';
  try {
    return createRequire(import.meta.url)(file) as Addon;
  } catch (error) {
    return `not loaded: ${(error as Error).message}`;
  }
}

/** The folder of Earl's package.json; bundles of this file stand at other depths. */
function packageRoot(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'earl-toolkit') {
    return folder;
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : packageRoot(parent);
}
