/** Small programs, assembled by hand, whose stack can be counted on one's fingers. */
import { describe, expect, it } from 'vitest';
import { StackAnalyzer } from './stack.ts';

const MAIN = 0xc000;
const CALLEE = 0xc100;
const HANDLER = 0xc200;
const RETI = [0x1300];
const RET = 0x4130;
const LOOP = 0x3fff;

function analyze(parts: Record<number, number[]>, names: Record<number, string> = {}) {
  const memory = new Uint8Array(0x10000).fill(0xff);
  const put = (address: number, words: number[]) => {
    for (const [i, word] of words.entries()) memory.set([word & 255, word >> 8], address + 2 * i);
  };
  put(HANDLER, RETI);
  for (let vector = 0xffe0; vector < 0xfffe; vector += 2) put(vector, [HANDLER]);
  put(0xfffe, [MAIN]);
  for (const [address, words] of Object.entries(parts)) put(Number(address), words);
  return new StackAnalyzer(memory, new Map(Object.entries(names).map(([a, n]) => [Number(a), n]))).analyze();
}

describe('worst-case stack', () => {
  it('counts pushes and locals', () => {
    expect(analyze({ [MAIN]: [0x120a, 0x8031, 10, LOOP] }).main).toBe(12);
  });

  it('adds the return address and the deepest callee', () => {
    const use = analyze({ [MAIN]: [0x120a, 0x12b0, CALLEE, LOOP], [CALLEE]: [0x120a, 0x1209, 0x4139, 0x413a, RET] });
    expect(use.main).toBe(2 + 2 + 4);
  });

  it('takes the deeper of two branches', () => {
    expect(analyze({ [MAIN]: [0x2002, 0x120a, 0x413a, 0x8031, 20, LOOP] }).main).toBe(20);
  });

  it('adds PC, SR and the handler for an interrupt, once', () => {
    expect(analyze({ [MAIN]: [LOOP], [HANDLER]: [0x120f, 0x413f, 0x1300] })).toMatchObject({ main: 0, interrupt: 6 });
  });

  it('follows a jump into another function with the stack as it is', () => {
    const epilogue = [0x413a, 0x4139, RET];
    const use = analyze({
      [MAIN]: [0x12b0, CALLEE, LOOP],
      [CALLEE]: [0x1209, 0x120a, 0x4030, 0xc300],
      49920: epilogue,
    });
    expect(use.main).toBe(2 + 4);
  });

  it('does not look behind a call that never returns', () => {
    expect(analyze({ [MAIN]: [0x12b0, CALLEE, 0x0000], [CALLEE]: [LOOP] }).main).toBe(2);
  });

  it('takes a call through a pointer for a call of every function that is pointed to', () => {
    const parts = { [MAIN]: [0x128c, LOOP], [CALLEE]: [0x120a, 0x413a, RET], 50176: [CALLEE] };
    expect(analyze(parts, { [CALLEE]: 'callee', [HANDLER]: 'handler' }).main).toBe(4);
    expect(() => analyze({ [MAIN]: [0x128c, LOOP] })).toThrow('pointer');
  });

  it('refuses recursion, growing loops, jump tables and computed stack pointers', () => {
    expect(() => analyze({ [MAIN]: [0x12b0, CALLEE, LOOP], [CALLEE]: [0x12b0, CALLEE, RET] })).toThrow('recursion');
    expect(() => analyze({ [MAIN]: [0x120a, 0x3ffe] })).toThrow('grows');
    expect(() => analyze({ [MAIN]: [0x4c00] })).toThrow('register');
    expect(() => analyze({ [MAIN]: [0x4501, LOOP] })).toThrow('SP');
  });

  it('reports reachable pushes that erratum CPU4 forbids', () => {
    const use = analyze({ [MAIN]: [0x1222, LOOP], [CALLEE]: [0x1222, RET] }, { [MAIN]: 'main' });
    expect(use.cpu4).toEqual([{ address: MAIN, function: 'main' }]);
  });
});
