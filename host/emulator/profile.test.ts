import { describe, expect, it } from 'vitest';
import type { FunctionSymbol } from './image/image.ts';
import { imageFromWords } from './image/words.ts';
import { Mcu } from './mcu.ts';
import { Profiler } from './profile.ts';

const symbol = (name: string, address: number, size: number): FunctionSymbol => ({ name, address, size });

/**
 * C000 start:  MOV #0x5A80,&WDTCTL      5 cycles
 * C006         MOV #0x0400,SP           2
 * C00A         MOV #3,R5                2
 * C00E loop:   CALL #outer              5
 * C012         DEC R5                   1
 * C014         JNZ loop                 2
 * C016         JMP $                    2
 * C018 outer:  PUSH R5                  3
 * C01A         CALL #inner              5
 * C01E         POP R5                   2
 * C020         RET                      3
 * C022 inner:  NOP                      1
 * C024         RET                      3
 */
const words = [
  0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400, 0x4035, 0x0003, 0x12b0, 0xc018, 0x8315, 0x23fc, 0x3fff, 0x1205, 0x12b0,
  0xc022, 0x4135, 0x4130, 0x4303, 0x4130,
];
const functions = [symbol('start', 0xc000, 24), symbol('outer', 0xc018, 10), symbol('inner', 0xc022, 4)];

function profiled(words: readonly number[], functions: readonly FunctionSymbol[], cycles: number) {
  const mcu = new Mcu({ image: imageFromWords(words) });
  const profiler = new Profiler(mcu, functions);
  mcu.runUntil(cycles);
  return { mcu, profile: profiler.report() };
}

describe('functions', () => {
  it('counts cycles, instructions, calls and totals', () => {
    const { mcu, profile } = profiled(words, functions, 1000);
    const row = (name: string) => profile.functions.find((each) => each.name === name);
    expect(row('outer')).toMatchObject({ context: 'main', cycles: 39, instructions: 12, calls: 3, totalCycles: 51 });
    expect(row('inner')).toMatchObject({ cycles: 12, instructions: 6, calls: 3, totalCycles: 12 });
    expect(row('start')?.calls).toBe(1);
    expect(row('start')?.totalCycles).toBe(profile.cycles);
    // The reset's four cycles are no instruction's.
    expect(profile.cycles).toBe(mcu.activeCycles - 4);
    expect(profile.instructions).toBe(mcu.instructions);
    expect(profile.hotSpots[0]).toMatchObject({ address: 0xc016, name: 'start' });
  });

  it('does without symbols by the targets of calls', () => {
    const { profile } = profiled(words, [], 1000);
    expect(profile.functions.map(({ name, calls, cycles }) => [name, calls, cycles]).sort()).toEqual([
      ['sub_c000', 1, profile.cycles - 51],
      ['sub_c018', 3, 39],
      ['sub_c022', 3, 12],
    ]);
  });

  it('counts recursion once in the total', () => {
    // C000 MOV #0x400,SP; C004 MOV #3,R5; C008 CALL #f; C00C JMP $; C00E f: DEC R5; JZ C016; CALL #f; C016 RET
    const recursive = [0x4031, 0x0400, 0x4035, 0x0003, 0x12b0, 0xc00e, 0x3fff, 0x8315, 0x2402, 0x12b0, 0xc00e, 0x4130];
    const { profile } = profiled(recursive, [symbol('main', 0xc000, 14), symbol('f', 0xc00e, 10)], 200);
    const f = profile.functions.find(({ name }) => name === 'f');
    expect(f).toMatchObject({ calls: 3, cycles: 3 * (1 + 2 + 3) + 2 * 5 });
    expect(f?.totalCycles).toBe(f?.cycles);
  });
});

describe('interrupts', () => {
  /** Timer_A0 CCR0 every 100 SMCLK cycles: main loops in LPM0, the handler calls a function. */
  const program = [
    0x40b2,
    0x5a80,
    0x0120,
    0x4031,
    0x0400, // C000 stop the watchdog, SP
    0x40b2,
    0x0063,
    0x0172, // C00A TA0CCR0 = 99
    0x40b2,
    0x0010,
    0x0162, // C010 TA0CCTL0 = CCIE
    0x40b2,
    0x0210,
    0x0160, // C016 TA0CTL = SMCLK, up
    0xd032,
    0x0018, // C01C BIS #GIE+CPUOFF,SR
    0x3ffd, // C020 JMP C01C
    0x12b0,
    0xc028, // C022 handler: CALL #work
    0x1300, // C026 RETI
    0x4303,
    0x4130, // C028 work: NOP; RET
  ];
  const symbols = [symbol('main', 0xc000, 0x22), symbol('handler', 0xc022, 6), symbol('work', 0xc028, 4)];

  it('are apart from the main program, acceptance included', () => {
    const mcu = new Mcu({ image: imageFromWords(program, { vectors: { 9: 0xc022 } }) });
    const profiler = new Profiler(mcu, symbols);
    mcu.runUntil(2000);
    const { functions, interrupts, wakeUps } = profiler.report();
    const count = interrupts[0]!.count;
    expect(count).toBeGreaterThan(15);
    expect(wakeUps).toBe(count);
    // 6 acceptance, 5 CALL, 4 NOP and RET, 5 RETI.
    expect(interrupts).toEqual([{ vector: 'TIMER0_A0', count, cycles: 20 * count, longestCycles: 20 }]);
    const handler = functions.find(({ name }) => name === 'handler');
    expect(handler).toMatchObject({ context: 'TIMER0_A0', calls: count, cycles: 16 * count, totalCycles: 20 * count });
    expect(functions.find(({ name }) => name === 'work')).toMatchObject({ context: 'TIMER0_A0', cycles: 4 * count });
    const main = functions.find(({ name }) => name === 'main');
    expect(main?.totalCycles).toBe(main?.cycles);
  });

  it('leave time and registers as they are without a profiler', () => {
    const image = imageFromWords(program, { vectors: { 9: 0xc022 } });
    const [plain, watched] = [new Mcu({ image }), new Mcu({ image })];
    new Profiler(watched, symbols);
    for (const mcu of [plain, watched]) mcu.runUntil(12_345);
    expect(watched.scheduler.now).toBe(plain.scheduler.now);
    expect([...watched.registers]).toEqual([...plain.registers]);
    expect(watched.activeCycles).toBe(plain.activeCycles);
    expect(watched.instructions).toBe(plain.instructions);
  });
});
