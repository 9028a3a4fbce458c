import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EarlError } from '../../errors/index.ts';
import { Board, loadImage } from '../emulator/index.ts';
import { startProfile } from './emulate-profile.ts';

/** TI-TXT: MOV #0x5A80,&WDTCTL; MOV #0x400,SP; loop: CALL #0xC010; JMP loop; 0xC010: RET. */
const text = '@C000\nB2 40 80 5A 20 01 31 40 00 04 B0 12 10 C0 FD 3F 30 41\n@FFFE\n00 C0\nq\n';

let folder: string;
let file: string;
let said: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earl-profile-'));
  file = join(folder, 'program.txt');
  writeFileSync(file, text);
  said = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void said.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function profiled(output: string | undefined) {
  const board = new Board({ alive: false });
  const image = loadImage(new Uint8Array(readFileSync(file)));
  const run = startProfile(board, file, image, output);
  board.load(image);
  board.runFor(0.01);
  return { board, result: run.finish() };
}

describe('--profile', () => {
  it('writes tables and JSON, and says that a file without symbols has none', () => {
    const output = join(folder, 'profile.json');
    const { board, result } = profiled(output);
    const { kind, ...rest } = result as { kind: string };
    expect(kind).toBe('profile');
    const written = JSON.parse(readFileSync(output, 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(rest)));
    expect(written.instructions).toBe(board.mcu.instructions);
    expect(written.functions.map(({ name }: { name: string }) => name)).toEqual(['sub_c000', 'sub_c010']);
    expect(written.functions[1].calls).toBeGreaterThan(900);
    expect(written.energy.modes).toHaveLength(1);
    expect(said[0]).toContain('has no symbols');
    expect(said[1]).toMatch(/^sub_c010 +main/m);
    expect(said[1]).toMatch(/^active +0\.010/m);
  });

  it('says when the file cannot be written', () => {
    expect(() => profiled(join(folder, 'nowhere', 'profile.json'))).toThrow(EarlError);
  });
});
