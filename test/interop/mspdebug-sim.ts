/**
 * `mspdebug sim` as a second CPU: a script of commands goes in, registers and memory after every step come out.
 *
 * mspdebug is a second opinion on registers, flags and memory, not on cycles. What is known to deviate in 0.22 is listed in
 * docs/emulator-accuracy.md, each with its test. Its byte reads below 0x200 never see memory, so values for such reads
 * cannot be injected.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageSegment } from '../../host/emulator/image/image.ts';

/** Why the simulator cannot be used here, or undefined. */
export function mspdebugMissing(): string | undefined {
  const found = spawnSync('mspdebug', ['--version'], { encoding: 'utf8' });
  return found.error === undefined ? undefined : 'mspdebug is not installed (Debian: apt-get install mspdebug)';
}

/** Runs commands after loading `segments` and a reset; resolves with what mspdebug printed. */
export async function runMspdebug(segments: readonly ImageSegment[], commands: readonly string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'earl-mspdebug-'));
  try {
    writeFileSync(join(folder, 'program.txt'), tiTxt(segments));
    writeFileSync(join(folder, 'commands'), `${['prog program.txt', 'reset', ...commands].join('\n')}\n`);
    return await output('mspdebug', ['-q', '-n', 'sim', 'read commands'], folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function output(command: string, args: readonly string[], cwd: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(`${command} ended with exit code ${code}`));
    });
  });
}

/** An image in TI-TXT. */
export function tiTxt(segments: readonly ImageSegment[]): string {
  const lines = segments.flatMap(({ address, data }) => [
    `@${address.toString(16).toUpperCase()}`,
    ...rows(data).map((row) => [...row].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ')),
  ]);
  return `${lines.join('\n')}\nq\n`;
}

function rows(data: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(data.length / 16) }, (_, index) => data.subarray(16 * index, 16 * index + 16));
}

/** Line and columns of R0-R15 in what `step` and `regs` print: four lines of four cells, `(name: 12345)  `. */
const lineLength = 4 + 4 * 14 + 1;
const stepPrompt = Buffer.from('=> step\n');
const dumpPrompt = Buffer.from('=> md ');

/** Reads mspdebug's output front to back. */
export class MspdebugOutput {
  private readonly bytes: Buffer;
  private position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** R0-R15 after the next `step`; undefined when there is none. */
  state(): Uint16Array | undefined {
    const start = this.bytes.indexOf(stepPrompt, this.position);
    if (start < 0) return undefined;
    const registers = new Uint16Array(16);
    const first = start + stepPrompt.length;
    for (let index = 0; index < 16; index++) {
      const column = 4 + 14 * (index >> 2);
      registers[index] = this.hex(first + (index & 3) * lineLength + column + 7, 4);
    }
    this.position = first + 4 * lineLength;
    return registers;
  }

  /** The next `md` of `length` bytes. */
  dump(length: number): Uint8Array {
    const start = this.bytes.indexOf(dumpPrompt, this.position);
    const data = new Uint8Array(length);
    if (start < 0) return data;
    let line = this.bytes.indexOf(10, start) + 1;
    for (let offset = 0; offset < length; offset += 16) {
      const column = line + 11;
      for (let index = 0; index < 16 && offset + index < length; index++) {
        data[offset + index] = this.hex(column + 3 * index, 2);
      }
      line = this.bytes.indexOf(10, line) + 1;
    }
    this.position = line;
    return data;
  }

  private hex(at: number, digits: number): number {
    let value = 0;
    for (let index = at; index < at + digits; index++) {
      const byte = this.bytes[index]!;
      value = (value << 4) | (byte <= 57 ? byte - 48 : byte - 87);
    }
    return value;
  }
}
