/**
 * Runs a program in `mspdebug sim`, instruction by instruction, and returns what its CPU looked like after each.
 *
 * mspdebug is a second opinion on registers, flags and memory, not on cycles. Known deviations of 0.22 that callers must
 * avoid or mask: byte @SP+ moves SP by one, unaligned words are read unaligned, DADD's V, SR bits 9-15.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Image } from '../../host/emulator/image/image.ts';

export interface SimulatorRun {
  /** R0-R15 after each step. */
  readonly states: readonly (readonly number[])[];
  /** RAM (0x200-0x3FF) at the end. */
  readonly ram: Uint8Array;
}

/** Why the simulator cannot be used here, or undefined. */
export function mspdebugMissing(): string | undefined {
  const found = spawnSync('mspdebug', ['--version'], { encoding: 'utf8' });
  return found.error === undefined ? undefined : 'mspdebug is not installed (Debian: apt-get install mspdebug)';
}

export function runInMspdebug(image: Image, steps: number): SimulatorRun {
  const folder = mkdtempSync(join(tmpdir(), 'earl-mspdebug-'));
  try {
    writeFileSync(join(folder, 'program.txt'), tiTxt(image));
    const commands = ['prog program.txt', 'reset', ...new Array<string>(steps).fill('step'), 'md 0x200 512'];
    writeFileSync(join(folder, 'commands'), `${commands.join('\n')}\n`);
    const output = execFileSync('mspdebug', ['-q', '-n', 'sim', 'read commands'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    return { states: parseStates(output), ram: parseDump(output) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tiTxt(image: Image): string {
  const lines = image.segments.flatMap(({ address, data }) => [
    `@${address.toString(16).toUpperCase()}`,
    ...rows(data).map((row) => [...row].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ')),
  ]);
  return `${lines.join('\n')}\nq\n`;
}

function rows(data: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(data.length / 16) }, (_, index) => data.subarray(16 * index, 16 * index + 16));
}

const names = ['PC', 'SP', 'SR', 'R3'];

function parseStates(output: string): number[][] {
  const states: number[][] = [];
  let state: number[] = [];
  for (const [, name, value] of output.matchAll(/\( ?(PC|SP|SR|R\d+): ([0-9a-f]{5})\)/g)) {
    if (name === 'PC') {
      state = [];
      states.push(state);
    }
    const index = names.indexOf(name!);
    state[index >= 0 ? index : Number(name!.slice(1))] = Number.parseInt(value!, 16);
  }
  return states;
}

function parseDump(output: string): Uint8Array {
  const ram = new Uint8Array(512);
  const dump = output.slice(output.lastIndexOf('=> md'));
  for (const [, address, bytes] of dump.matchAll(/^\s*([0-9a-f]{5}): ((?:[0-9a-f]{2} )+)/gm)) {
    ram.set(
      Uint8Array.from(bytes!.trim().split(' '), (byte) => Number.parseInt(byte, 16)),
      Number.parseInt(address!, 16) - 0x200,
    );
  }
  return ram;
}
