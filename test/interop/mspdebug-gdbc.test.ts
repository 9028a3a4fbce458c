/**
 * The GDB stub with a debugger that nobody here wrote: the `gdbc` driver of mspdebug (Debian's package).
 *
 * mspdebug programs, verifies, breaks, steps, watches, reads and writes; the chip is looked at from both sides.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GdbServer } from '../../host/cli/emulate-gdb.ts';
import { imageFromWords } from '../../host/emulator/image/words.ts';
import { Board } from '../../host/emulator/index.ts';
import { mspdebugMissing } from './mspdebug-sim.ts';

/**
 * C000 MOV #0x5A80,&WDTCTL
 * C006 MOV #0x0400,SP
 * C00A CLR &0x0210
 * C00E loop: INC &0x0210
 * C012 CMP #5,&0x0210
 * C018 JNZ loop
 * C01A MOV #0xBEEF,&0x0220
 * C020 JMP $
 */
const words = [
  0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400, 0x4382, 0x0210, 0x5392, 0x0210, 0x90b2, 0x0005, 0x0210, 0x23fa, 0x40b2,
  0xbeef, 0x0220, 0x3fff,
];

function tiTxt(): string {
  const lines = imageFromWords(words).segments.map(({ address, data }) => {
    const bytes = Array.from(data, (byte) => byte.toString(16).padStart(2, '0').toUpperCase());
    return `@${address.toString(16).toUpperCase()}\n${bytes.join(' ')}`;
  });
  return `${lines.join('\n')}\nq\n`;
}

let folder: string;
let board: Board;
let server: GdbServer;
let over: AbortController;
let serving: Promise<void>;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'earl-gdbc-'));
  writeFileSync(join(folder, 'program.txt'), tiTxt());
  board = new Board({ alive: false });
  // Another program, so that programming has something to do.
  board.load(imageFromWords([0x3fff]));
  server = await GdbServer.listen(0);
  over = new AbortController();
  serving = server.run({
    board,
    speed: Number.POSITIVE_INFINITY,
    seconds: Number.POSITIVE_INFINITY,
    signal: over.signal,
    afterSlice: () => {},
    drained: async () => {},
  });
});

afterEach(async () => {
  child?.kill();
  over.abort();
  await serving;
  await server.close();
  rmSync(folder, { recursive: true });
});

/** What mspdebug says to a list of commands. */
function mspdebug(commands: readonly string[]): Promise<string> {
  writeFileSync(join(folder, 'commands'), `${commands.join('\n')}\n`);
  return new Promise((resolve, reject) => {
    const process = spawn('mspdebug', ['-n', '-q', 'gdbc', '-d', `127.0.0.1:${server.port}`, 'read commands'], {
      cwd: folder,
    });
    child = process;
    let said = '';
    process.stdout.on('data', (data) => {
      said += data;
    });
    process.stderr.on('data', (data) => {
      said += data;
    });
    process.on('error', reject);
    process.on('close', () => resolve(said));
  });
}

/** What was said to one of the commands. */
function answers(transcript: string): string[] {
  return transcript.split(/^=> /m).slice(1);
}

const missing = mspdebugMissing();
if (missing) console.warn(`the GDB stub is not tried with mspdebug: ${missing}`);

describe.skipIf(missing !== undefined)('mspdebug gdbc', () => {
  it('programs, verifies, breaks, steps and reads', async () => {
    const transcript = await mspdebug([
      'prog program.txt',
      'verify program.txt',
      'reset',
      'regs',
      'setbreak 0xc00e',
      'run',
      'step',
      'md 0x210 2',
      'run',
      'delbreak',
      'setbreak 0xc01a',
      'run',
      'md 0x210 2',
      'step',
      'md 0x220 2',
    ]);
    const said = answers(transcript);
    expect(said[0]).toContain('Done, 36 bytes total');
    expect(said[1]).toContain('Done, 36 bytes total');
    expect(transcript).not.toMatch(/error|bad response|mismatch|short read/i);
    const pcs = said.map((answer) => /PC: (0[0-9a-f]{4})/.exec(answer)?.[1]);
    expect(pcs[3]).toBe('0c000');
    expect(pcs[5]).toBe('0c00e');
    expect(said[5]).toContain('SP: 00400');
    expect(pcs[6]).toBe('0c012');
    expect(said[7]).toMatch(/00210: 01 00/);
    expect(pcs[8]).toBe('0c00e');
    expect(pcs[11]).toBe('0c01a');
    expect(said[12]).toMatch(/00210: 05 00/);
    expect(pcs[13]).toBe('0c020');
    expect(said[14]).toMatch(/00220: ef be/);
    expect(board.mcu.peekWord(0x220)).toBe(0xbeef);
  });

  it('stops at watched writes and reads', async () => {
    const said = answers(
      await mspdebug([
        'prog program.txt',
        'setwatch_w 0x220',
        'run',
        'reset',
        'delbreak',
        'setwatch_r 0x210',
        'run',
        'run',
      ]),
    );
    const pcs = said.map((answer) => /PC: (0[0-9a-f]{4})/.exec(answer)?.[1]);
    expect(pcs[2]).toBe('0c020');
    // INC reads, then CMP does.
    expect(pcs[6]).toBe('0c012');
    expect(pcs[7]).toBe('0c018');
  });

  it('sets registers and memory, and erases', async () => {
    const calibration = board.mcu.peekWord(0x10fe);
    const transcript = await mspdebug(['set 5 0x1234', 'regs', 'mw 0x300 0xde 0xad', 'md 0x300 4', 'erase']);
    const said = answers(transcript);
    expect(said[1]).toContain('R5: 01234');
    expect(said[3]).toMatch(/00300: de ad/);
    expect(board.mcu.peekWord(0x300)).toBe(0xadde);
    expect(board.mcu.peekWord(0xfffe)).toBe(0xffff);
    expect(board.mcu.peekWord(0x10fe)).toBe(calibration);
  });

  it('lets the program run when it goes', async () => {
    const arrived = new Promise<void>((resolve) => {
      board.mcu.observe({ executed: (pc) => void (pc === 0xc020 && resolve()) });
    });
    await mspdebug(['prog program.txt', 'setbreak 0xc00e', 'reset']);
    await arrived;
    expect(board.mcu.peekWord(0x210)).toBe(5);
  });
});
