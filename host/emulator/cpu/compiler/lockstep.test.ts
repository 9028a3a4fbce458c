/** Compiled code against the interpreter: the same registers, memory, cycles and traces wherever one stops to look. */

import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Random, randomProgram } from '../../../../test/interop/random-program.ts';
import { Board } from '../../board.ts';
import { loadImage } from '../../image/load.ts';
import { imageFromWords } from '../../image/words.ts';
import { Mcu } from '../../mcu.ts';
import { type Execution, executionDefault } from '../cpu.ts';

const seed = Number(process.env.EARL_SEED ?? Date.now() & 0x7fffffff);
const kinds = ['light', 'ball', 'arm', 'led_test'];
const seconds = 10;

function stateOf(mcu: Mcu) {
  const ram = Array.from({ length: 512 }, (_, index) => mcu.peek(0x200 + index));
  const { instructions, activeCycles } = mcu;
  return { registers: [...mcu.registers].join(), ram: ram.join(), instructions, activeCycles, now: mcu.scheduler.now };
}

function pair(words: readonly number[]): [Mcu, Mcu] {
  const image = imageFromWords(words);
  return [new Mcu({ image, seed: 7, execution: 'interpreted' }), new Mcu({ image, seed: 7, execution: 'compiled' })];
}

describe(`EARL_SEED=${seed}`, () => {
  it.each([0, 1, 2, 3])('random program %i: the same wherever it stops', (offset) => {
    const random = new Random(seed + offset);
    const program = randomProgram(seed + offset, 2000);
    const [interpreted, compiled] = pair([...program.words, 0x3fff]);
    while (interpreted.instructions < program.steps) {
      const until = interpreted.scheduler.now + 1 + random.below(2000);
      interpreted.runUntil(until);
      compiled.runUntil(until);
      expect(stateOf(compiled), `until ${until}`).toEqual(stateOf(interpreted));
    }
  });

  it.each([0, 1, 2, 3])('random loops with calls and a timer interrupt %i', (offset) => {
    const random = new Random(seed + offset);
    const [interpreted, compiled] = pair(loops(random));
    for (let turn = 0; turn < 300; turn++) {
      const until = interpreted.scheduler.now + 1 + random.below(3000);
      interpreted.runUntil(until);
      compiled.runUntil(until);
      expect(stateOf(compiled), `turn ${turn}`).toEqual(stateOf(interpreted));
    }
    expect(interpreted.peekWord(0x3a0)).toBeGreaterThan(3);
  });
});

/** Nested loops over random arithmetic, a called function, and TIMER0_A0 that counts its interrupts at 0x3A0. */
function loops(random: Random): number[] {
  const words = [0x4031, 0x0380, 0x40b2, 0x5a80, 0x0120, 0x4382, 0x03a0];
  words.push(0x40b2, 100 + random.below(900), 0x0172, 0x40b2, 0x0010, 0x0162, 0x40b2, 0x0210, 0x0160, 0xd232);
  for (let register = 4; register < 12; register++) words.push(0x4030 | register, random.below(0x10000));
  const outer = words.length;
  words.push(0x403e, 3 + random.below(9));
  const inner = words.length;
  for (let count = 0; count < 12; count++) words.push(...arithmetic(random));
  // CALL, then DEC R14, JNE inner.
  const call = words.length;
  words.push(0x12b0, 0, 0x831e);
  words.push(0x2000 | ((inner - words.length - 1) & 0x3ff));
  for (let count = 0; count < 4; count++) words.push(...arithmetic(random));
  words.push(0x3c00 | ((outer - words.length - 1) & 0x3ff));
  words[call + 1] = 0xc000 + 2 * words.length;
  for (let count = 0; count < 6; count++) words.push(...arithmetic(random));
  // A loop of its own in the function: MOV #n, R13; DEC R13; JNE -1; RET.
  words.push(0x403d, 1 + random.below(20), 0x831d, 0x23fe, 0x4130);
  const handler = 0xc000 + 2 * words.length;
  words.push(0x5392, 0x03a0, 0x1300);
  while (words.length < (0xfff2 - 0xc000) / 2) words.push(0xffff);
  words.push(handler);
  while (words.length < (0xfffe - 0xc000) / 2) words.push(0xffff);
  return words;
}

/** One instruction on R4-R11, constants or RAM at 0x300, or a conditional jump over one; a timer read now and then. */
function arithmetic(random: Random): number[] {
  const [source, destination] = [4 + random.below(8), 4 + random.below(8)];
  const byte = random.below(2) << 6;
  const opcode = random.pick([4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]);
  switch (random.below(9)) {
    case 0:
      return [(opcode << 12) | 0x0230 | byte | destination];
    case 1:
      return [(opcode << 12) | (source << 8) | 0x82 | byte, 0x300 + 2 * random.below(32)];
    case 2:
      return [(opcode << 12) | 0x0210 | byte | destination, 0x300 + 2 * random.below(32)];
    case 3:
      return [0x1000 | (random.pick([0, 1, 2, 3]) << 7) | destination];
    case 4:
      return [0x2000 | (random.below(7) << 10) | 1, 0x5000 | (source << 8) | destination];
    case 5:
      return [random.pick([0xc312, 0xd312])];
    case 6:
      return random.below(4) === 0 ? [0x4210 | destination, 0x0170] : [0x4303];
    case 7:
      return [0x403f, 0x300 + 2 * random.below(32), 0x4f30 | byte | destination];
    default:
      return [(opcode << 12) | (source << 8) | byte | destination];
  }
}

describe('released images', () => {
  const before = executionDefault.mode;
  afterEach(() => {
    executionDefault.mode = before;
  });

  function run(kind: string, mode: Execution) {
    executionDefault.mode = mode;
    const file = new URL(`../../../../firmware/dist/${kind}.hex`, import.meta.url);
    const events: string[] = [];
    const board = new Board({ seed: 3, trace: (event) => events.push(JSON.stringify(event)) });
    board.load(loadImage(new Uint8Array(readFileSync(file))));
    const states = [];
    for (let slice = 0; slice < 4 * seconds; slice++) {
      board.runFor(0.25);
      if (slice === 9) board.pressButton();
      if (slice === 11) board.releaseButton();
      states.push(stateOf(board.mcu));
    }
    return { events, states };
  }

  it.each(kinds)(`%s: ${seconds} s with the same trace, state and cycles in every mode`, (kind) => {
    const interpreted = run(kind, 'interpreted');
    expect(interpreted.events.length).toBeGreaterThan(100);
    for (const mode of ['compiled', 'auto'] as const) expect(run(kind, mode)).toEqual(interpreted);
  });

  it('are there', () => {
    expect(existsSync(new URL('../../../../firmware/dist/manifest.json', import.meta.url))).toBe(true);
  });
});
