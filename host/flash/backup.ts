/**
 * What must survive an interrupted flash: the chip's info memory, calibration included, on disk before anything is
 * erased, and a note that a flash of this port has begun.
 *
 * Two files per port in one folder: `info-PORT.txt` (TI-TXT, 256 bytes at 0x1000, kept) and `unfinished-PORT.json`
 * (removed when a flash is verified). Files are replaced whole, so a kill leaves the old or the new one, and are for this
 * user's eyes only: info memory holds the probe's key.
 */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { parseTiTxt } from '../emulator/image/ti-txt.ts';
import { infoAStart, infoLength, infoSegmentLength, infoStart } from './plan.ts';

/** Where a user's state belongs (XDG Base Directory Specification). */
export function defaultStateFolder(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'earl/flash');
}

export interface Unfinished {
  /** ISO 8601. */
  readonly startedAt: string;
  /** Info memory before it began. */
  readonly info: Uint8Array;
}

export class Backup {
  readonly infoFile: string;
  private readonly folder: string;
  private readonly unfinishedFile: string;

  constructor(folder: string, port: string) {
    const slug = port.replace(/[^A-Za-z0-9.]+/g, '-').replace(/^-|-$/g, '');
    this.folder = folder;
    this.infoFile = join(folder, `info-${slug}.txt`);
    this.unfinishedFile = join(folder, `unfinished-${slug}.json`);
  }

  /** An earlier flash of this port that did not end; `undefined` when there is none. */
  unfinished(): Unfinished | undefined {
    try {
      const { startedAt } = JSON.parse(readFileSync(this.unfinishedFile, 'utf8')) as { startedAt: string };
      return { startedAt, info: readInfoFile(this.infoFile) };
    } catch {
      return undefined;
    }
  }

  /** Before anything is erased. Rejects with `FLASH_BACKUP` when it cannot be written: then nothing is erased. */
  begin(info: Uint8Array): void {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      replace(this.infoFile, infoText(info));
      replace(this.unfinishedFile, `${JSON.stringify({ startedAt: new Date().toISOString() })}\n`);
    } catch (error) {
      throw new EarlError(
        'FLASH_BACKUP',
        `the chip's calibration cannot be saved in ${this.folder} (${errorMessage(error)}): nothing was erased; make ` +
          'the folder writable, or set XDG_STATE_HOME',
        { cause: error },
      );
    }
  }

  end(): void {
    rmSync(this.unfinishedFile, { force: true });
  }
}

function replace(file: string, text: string): void {
  rmSync(`${file}.new`, { force: true }); // of an earlier version it may be open to others
  writeFileSync(`${file}.new`, text, { flush: true, mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function infoText(info: Uint8Array): string {
  const lines = Array.from({ length: infoLength / 16 }, (_, row) =>
    [...info.subarray(16 * row, 16 * row + 16)]
      .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
      .join(' '),
  );
  return `@1000\n${lines.join('\n')}\nq\n`;
}

/** Info memory from a file that a flash saved; bytes that it does not hold are 0xFF. Throws `FLASH_CALIBRATION`. */
export function readInfoFile(file: string): Uint8Array {
  const info = new Uint8Array(infoLength).fill(0xff);
  try {
    for (const { address, data } of parseTiTxt(readFileSync(file, 'utf8'))) {
      if (address < infoStart || address + data.length > infoStart + infoLength)
        throw new Error('it has other addresses');
      info.set(data, address - infoStart);
    }
  } catch (error) {
    throw new EarlError('FLASH_CALIBRATION', `${file} is no saved info memory: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  return info;
}

/** True when info A holds a calibration: its checksum is right (SLAU144 "TLV"). */
export function isCalibrated(info: Uint8Array): boolean {
  const segment = info.subarray(infoAStart - infoStart, infoAStart - infoStart + infoSegmentLength);
  if (segment.every((byte) => byte === 0xff)) return false;
  const word = (at: number) => segment[at]! | (segment[at + 1]! << 8);
  let exclusive = 0;
  for (let at = 2; at < infoSegmentLength; at += 2) exclusive ^= word(at);
  return ((word(0) + exclusive) & 0xffff) === 0;
}
