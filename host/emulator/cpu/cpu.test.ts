/** The CPU, instruction group by instruction group, from literal opcodes (SLAU144 chapter "CPU"). */

import { describe, expect, it } from 'vitest';
import { imageFromWords } from '../image/words.ts';
import { Mcu } from '../mcu.ts';
import type { McuWarning } from '../mcu-options.ts';

const C = 1;
const Z = 2;
const N = 4;
const V = 0x100;

/** A chip at the first word of a program, with registers set. */
function chip(words: readonly number[], registers: Readonly<Record<number, number>> = {}): Mcu {
  const mcu = new Mcu({ image: imageFromWords(words, { vectors: { 2: 0xd000, 9: 0xd100 } }) });
  mcu.registers[1] = 0x0300;
  for (const [register, value] of Object.entries(registers)) mcu.registers[Number(register)] = value;
  return mcu;
}

/** Executes one instruction and returns the chip. */
function stepped(words: readonly number[], registers: Readonly<Record<number, number>> = {}): Mcu {
  const mcu = chip(words, registers);
  mcu.step();
  return mcu;
}

function pokeWord(mcu: Mcu, address: number, value: number): void {
  mcu.poke(address, Uint8Array.of(value & 0xff, value >> 8));
}

describe('instruction cycles (SLAU144 tables "Interrupt and Reset Cycles", "Format II", "Format I")', () => {
  // R5 points to 0x0210, R6 to 0x0220.
  const table: [cycles: number, text: string, words: number[]][] = [
    [1, 'MOV R5,R6', [0x4506]],
    [1, 'MOV.B R5,R6', [0x4546]],
    [2, 'BR R5', [0x4500]],
    [4, 'MOV R5,4(R6)', [0x4586, 0x0004]],
    [4, 'MOV R5,&EDE', [0x4582, 0x0210]],
    [2, 'MOV @R5,R6', [0x4526]],
    [2, 'BR @R5', [0x4520]],
    [5, 'MOV @R5,4(R6)', [0x45a6, 0x0004]],
    [2, 'MOV @R5+,R6', [0x4536]],
    [3, 'BR @R5+', [0x4530]],
    [5, 'MOV @R5+,&EDE', [0x45b2, 0x0210]],
    [2, 'MOV #N,R6', [0x4036, 0x1234]],
    [3, 'BR #N', [0x4030, 0xc100]],
    [5, 'MOV #N,4(R6)', [0x40b6, 0x1234, 0x0004]],
    [3, 'MOV 2(R5),R6', [0x4516, 0x0002]],
    [3, 'BR 2(R5)', [0x4510, 0x0002]],
    [6, 'MOV 2(R5),4(R6)', [0x4596, 0x0002, 0x0004]],
    [3, 'MOV &EDE,R6', [0x4216, 0x0210]],
    [6, 'MOV &EDE,&TONI', [0x4292, 0x0210, 0x0212]],
    [1, 'MOV #1,R6 (constant generator)', [0x4316]],
    [4, 'MOV #8,&EDE (constant generator)', [0x42b2, 0x0210]],
    [4, 'CMP R5,&EDE (no discount for not writing)', [0x9582, 0x0210]],
    [4, 'BIT #2,4(R6)', [0xb3a6, 0x0004]],
    [1, 'RRA R5', [0x1105]],
    [3, 'RRC @R5', [0x1025]],
    [3, 'SWPB @R5+', [0x10b5]],
    [4, 'SXT 2(R5)', [0x1195, 0x0002]],
    [4, 'RRA &EDE', [0x1112, 0x0210]],
    [3, 'PUSH R5', [0x1205]],
    [4, 'PUSH @R5', [0x1225]],
    [5, 'PUSH @R5+', [0x1235]],
    [4, 'PUSH #N', [0x1230, 0x1234]],
    [5, 'PUSH 2(R5)', [0x1215, 0x0002]],
    [5, 'PUSH &EDE', [0x1212, 0x0210]],
    [3, 'PUSH #1 (constant generator)', [0x1213]],
    [4, 'CALL R5', [0x1285]],
    [4, 'CALL @R5', [0x12a5]],
    [5, 'CALL @R5+', [0x12b5]],
    [5, 'CALL #N', [0x12b0, 0xc100]],
    [5, 'CALL 2(R5)', [0x1295, 0x0002]],
    [5, 'CALL &EDE', [0x1292, 0x0210]],
    [5, 'RETI', [0x1300]],
    [2, 'JMP', [0x3c01]],
    [2, 'JNE not taken', [0x2001]],
    [3, 'RET', [0x4130]],
    [1, 'NOP', [0x4303]],
  ];
  it.each(table)('%i cycles: %s', (cycles, _text, words) => {
    const mcu = chip(words, { 2: Z, 5: 0x0210, 6: 0x0220 });
    const [start, active] = [mcu.scheduler.now, mcu.activeCycles];
    mcu.step();
    expect(mcu.scheduler.now - start).toBe(cycles);
    expect(mcu.activeCycles - active).toBe(cycles);
  });

  it('a reset takes 4 cycles', () => {
    expect(chip([0x4303]).scheduler.now).toBe(4);
  });
});

describe('arithmetic and its status bits', () => {
  // Instructions are <op> R5,R6 with R5 the source.
  const table: [
    text: string,
    opcode: number,
    status: number,
    source: number,
    destination: number,
    result: number,
    flags: number,
  ][] = [
    ['ADD', 0x5506, 0, 0x1234, 0x1111, 0x2345, 0],
    ['ADD carry and zero', 0x5506, 0, 0xffff, 0x0001, 0, C | Z],
    ['ADD overflow', 0x5506, 0, 0x7fff, 0x0001, 0x8000, N | V],
    ['ADD overflow of negatives', 0x5506, 0, 0x8000, 0x8000, 0, C | Z | V],
    ['ADD.B clears the high byte', 0x5546, 0, 0x12f0, 0x3420, 0x0010, C],
    ['ADDC adds carry', 0x6506, C, 0x0001, 0x0002, 0x0004, 0],
    ['ADDC carries out', 0x6506, C, 0xffff, 0x0000, 0, C | Z],
    ['SUB', 0x8506, 0, 0x0001, 0x0003, 0x0002, C],
    ['SUB borrow clears C', 0x8506, C, 0x0003, 0x0001, 0xfffe, N],
    ['SUB overflow', 0x8506, 0, 0x0001, 0x8000, 0x7fff, C | V],
    ['SUBC without carry', 0x7506, 0, 0x0001, 0x0003, 0x0001, C],
    ['SUBC with carry', 0x7506, C, 0x0001, 0x0003, 0x0002, C],
    ['SUB.B', 0x8546, 0, 0x0001, 0x1280, 0x007f, C | V],
    ['CMP leaves the destination', 0x9506, 0, 0x0005, 0x0005, 0x0005, C | Z],
    ['BIT', 0xb506, V, 0x0003, 0x0001, 0x0001, C],
    ['BIT nothing in common', 0xb506, V | N, 0x0002, 0x0001, 0x0001, Z],
    ['BIC leaves the status', 0xc506, C | V, 0x00ff, 0x1234, 0x1200, C | V],
    ['BIS leaves the status', 0xd506, Z, 0x00ff, 0x1200, 0x12ff, Z],
    ['XOR of negatives sets V', 0xe506, 0, 0x8001, 0x8002, 0x0003, C | V],
    ['XOR equal', 0xe506, 0, 0x1234, 0x1234, 0, Z],
    ['AND', 0xf506, V, 0xf00f, 0x8003, 0x8003, C | N],
    ['AND.B', 0xf546, 0, 0xff80, 0xff80, 0x0080, C | N],
    ['MOV leaves the status', 0x4506, C | N, 0x1234, 0, 0x1234, C | N],
    ['DADD', 0xa506, 0, 0x1234, 0x4321, 0x5555, 0],
    ['DADD with carry in and out', 0xa506, C, 0x9999, 0x0001, 0x0001, C],
    ['DADD to nought', 0xa506, C, 0x9999, 0x0000, 0x0000, C | Z],
    ['DADD.B', 0xa546, 0, 0x0099, 0x0001, 0x0000, C | Z],
  ];
  it.each(table)('%s', (_text, opcode, status, source, destination, result, flags) => {
    const mcu = stepped([opcode], { 2: status, 5: source, 6: destination });
    expect(mcu.registers[6]).toBe(result);
    expect(mcu.registers[2]).toBe(flags);
    expect(mcu.registers[5]).toBe(source);
  });

  const oneOperand: [text: string, opcode: number, status: number, before: number, result: number, flags: number][] = [
    ['RRA keeps the sign', 0x1105, 0, 0x8001, 0xc000, C | N],
    ['RRA.B', 0x1145, 0, 0x1280, 0x00c0, N],
    ['RRC shifts carry in', 0x1005, C, 0x0002, 0x8001, N],
    ['RRC shifts carry out', 0x1005, 0, 0x0001, 0x0000, C | Z],
    ['RRC.B', 0x1045, C, 0x1201, 0x0080, C | N],
    ['SWPB leaves the status', 0x1085, C, 0x1234, 0x3412, C],
    ['SXT negative', 0x1185, V, 0x1280, 0xff80, C | N],
    ['SXT zero', 0x1185, 0, 0x1200, 0x0000, Z],
  ];
  it.each(oneOperand)('%s', (_text, opcode, status, before, result, flags) => {
    const mcu = stepped([opcode], { 2: status, 5: before });
    expect(mcu.registers[5]).toBe(result);
    expect(mcu.registers[2]).toBe(flags);
  });
});

describe('operands', () => {
  it.each([
    [0x4305, 0],
    [0x4315, 1],
    [0x4325, 2],
    [0x4335, 0xffff],
    [0x4225, 4],
    [0x4235, 8],
    [0x4375, 0xff], // MOV.B #-1,R5
  ])('constant generator: %i', (opcode, constant) => {
    const mcu = stepped([opcode]);
    expect(mcu.registers[5]).toBe(constant);
    expect(mcu.registers[0]).toBe(0xc002);
  });

  it('symbolic operands count from their own word', () => {
    // MOV 0xC008,0x0210 is MOV 6(PC),... : source word at 0xC002, destination word at 0xC004.
    const mcu = stepped([0x4090, 0x0006, (0x0210 - 0xc004) & 0xffff, 0x4303, 0xbeef]);
    expect(mcu.peekWord(0x0210)).toBe(0xbeef);
  });

  it('@Rn+ moves by the operand size, and before the destination address is taken', () => {
    const mcu = chip([0x45b5, 0x0002], { 5: 0x0210 }); // MOV @R5+,2(R5)
    pokeWord(mcu, 0x0210, 0x1234);
    mcu.step();
    expect(mcu.registers[5]).toBe(0x0212);
    expect(mcu.peekWord(0x0214)).toBe(0x1234);
    expect(stepped([0x4576], { 5: 0x0211 }).registers[5]).toBe(0x0212); // MOV.B @R5+,R6
  });

  it('SP moves by two even for bytes', () => {
    expect(stepped([0x4175], { 1: 0x0300 }).registers[1]).toBe(0x0302); // POP.B R5
    expect(stepped([0x1245], { 1: 0x0300 }).registers[1]).toBe(0x02fe); // PUSH.B R5
  });

  it('ignores bit 0 of a word address', () => {
    const mcu = chip([0x4526], { 5: 0x0211 });
    pokeWord(mcu, 0x0210, 0x1234);
    mcu.step();
    expect(mcu.registers[6]).toBe(0x1234);
  });

  it('a byte in memory leaves its neighbour', () => {
    const mcu = chip([0x45c2, 0x0211], { 5: 0xabcd }); // MOV.B R5,&0x0211
    pokeWord(mcu, 0x0210, 0x1234);
    mcu.step();
    expect(mcu.peekWord(0x0210)).toBe(0xcd34);
  });

  it('PC as source is the next instruction, as destination it is even', () => {
    expect(stepped([0x4005]).registers[5]).toBe(0xc002);
    expect(stepped([0x4500], { 5: 0xc101 }).registers[0]).toBe(0xc100);
    expect(stepped([0x5020, 0x0006]).registers[0]).toBe((0xc002 + 0x0006) & 0xffff); // ADD @PC,PC
  });

  it('CG2 as destination swallows the result, SR has nine bits', () => {
    expect(stepped([0x4033, 0x1234]).registers[3]).toBe(0);
    expect(stepped([0x4032, 0xff07]).registers[2]).toBe(0x0107);
  });

  it.each([
    [0x2001, 0, true],
    [0x2001, Z, false],
    [0x2401, Z, true],
    [0x2801, 0, true],
    [0x2801, C, false],
    [0x2c01, C, true],
    [0x3001, N, true],
    [0x3001, 0, false],
    [0x3401, N | V, true],
    [0x3401, N, false],
    [0x3801, V, true],
    [0x3801, N | V, false],
    [0x3c01, 0, true],
  ])('jump %i with status %i: %s', (opcode, status, taken) => {
    expect(stepped([opcode], { 2: status }).registers[0]).toBe(taken ? 0xc004 : 0xc002);
  });

  it('jumps backwards as far as 511 words', () => {
    expect(stepped([0x3e00]).registers[0]).toBe(0xc002 - 1024);
  });
});

describe('stack, calls and interrupts', () => {
  it('PUSH SP pushes the value from before', () => {
    const mcu = stepped([0x1201], { 1: 0x0300 });
    expect(mcu.peekWord(0x02fe)).toBe(0x0300);
  });

  it('CALL pushes the address after its last word, RET returns there', () => {
    const mcu = chip([0x12b0, 0xc006, 0x4303, 0x4130]);
    mcu.step();
    expect(mcu.registers[0]).toBe(0xc006);
    expect(mcu.peekWord(0x02fe)).toBe(0xc004);
    mcu.step();
    expect(mcu.registers[0]).toBe(0xc004);
    expect(mcu.registers[1]).toBe(0x0300);
  });

  it('accepts the highest pending vector in six cycles when GIE is set, with SR saved and cleared', () => {
    const mcu = chip([0x4303, 0xd232, 0x4303], { 2: C }); // NOP; EINT; NOP
    mcu.interrupts.set(2, true);
    mcu.interrupts.set(9, true);
    mcu.step();
    expect(mcu.registers[0]).toBe(0xc002); // GIE was clear
    mcu.step();
    mcu.step(); // what follows EINT comes first
    expect(mcu.registers[0]).toBe(0xc006);
    const start = mcu.scheduler.now;
    mcu.step();
    expect(mcu.scheduler.now - start).toBe(6);
    expect(mcu.registers[0]).toBe(0xd100); // vector 9 before vector 2
    expect(mcu.registers[2]).toBe(0);
    expect(mcu.peekWord(0x02fe)).toBe(0xc006);
    expect(mcu.peekWord(0x02fc)).toBe(C | 8);
  });

  it('executes the instruction behind EINT before a pending interrupt, but none behind a sleep or RETI', () => {
    const pending = (words: number[], registers = {}) => {
      const mcu = chip(words, registers);
      mcu.interrupts.set(2, true);
      return mcu;
    };
    const window = pending([0xd232, 0xc232, 0x5315, 0x3ffe]); // EINT; DINT; INC R5; JMP to INC
    window.runUntil(window.scheduler.now + 100);
    expect(window.registers[5]).toBeGreaterThan(0);
    expect(window.registers[1]).toBe(0x0300);

    const asleep = pending([0xd032, 0x0018, 0x5315]); // BIS #CPUOFF+GIE,SR; INC R5
    asleep.step();
    asleep.step();
    expect([asleep.registers[0], asleep.registers[5], asleep.peekWord(0x02fe)]).toEqual([0xd000, 0, 0xc004]);

    const returned = pending([0x1300, 0x5315], { 1: 0x02fc }); // RETI; INC R5
    returned.poke(0x02fc, Uint8Array.of(0x08, 0x00, 0x02, 0xc0));
    returned.step();
    returned.step();
    expect([returned.registers[0], returned.registers[5]]).toEqual([0xd000, 0]);
  });

  it('RETI goes back to the low-power mode that was interrupted', () => {
    const image = imageFromWords([0xd032, 0x0018, 0x4303, 0x3ffd], { vectors: { 2: 0xc008 } });
    const withHandler = {
      ...image,
      segments: [...image.segments, { address: 0xc008, data: Uint8Array.of(0x00, 0x13) }],
    };
    const mcu = new Mcu({ image: withHandler });
    mcu.registers[1] = 0x0300;
    mcu.bus.mapByte(0x3f, {});
    mcu.step(); // BIS #CPUOFF+GIE,SR
    expect(mcu.sleeping).toBe(true);
    mcu.interrupts.onAccept(2, () => mcu.interrupts.set(2, false));
    const start = mcu.scheduler.now;
    mcu.scheduler.after(100, () => mcu.interrupts.set(2, true));
    mcu.runUntil(start + 1000);
    expect(mcu.sleeping).toBe(true);
    expect(mcu.registers[0]).toBe(0xc004);
    expect(mcu.scheduler.now).toBe(start + 1000);
    // 4 for the reset, 2 for BIS, 6 for the interrupt, 5 for RETI: sleep costs nothing.
    expect(mcu.activeCycles).toBe(4 + 2 + 6 + 5);
  });

  it('runs an event within an instruction at its own time and takes its interrupt after the instruction', () => {
    const mcu = chip([0x4596, 0x0002, 0x0004], { 2: 8, 5: 0x0210, 6: 0x0220 }); // six cycles
    const seen: number[] = [];
    const start = mcu.scheduler.now;
    mcu.scheduler.after(2, () => {
      seen.push(mcu.scheduler.now - start);
      mcu.interrupts.set(2, true);
    });
    mcu.runUntil(start + 7);
    expect(seen).toEqual([2]);
    expect(mcu.registers[0]).toBe(0xd000);
    expect(mcu.scheduler.now - start).toBe(6 + 6);
  });
});

describe('what silicon would not report', () => {
  function warnings(words: readonly number[], registers: Readonly<Record<number, number>> = {}): McuWarning[] {
    const mcu = chip(words, registers);
    const list: McuWarning[] = [];
    mcu.onWarning((warning) => list.push(warning));
    mcu.step();
    return list;
  }

  it.each([
    ['PUSH_CONSTANT', [0x1222], {}], // PUSH #4, erratum CPU4
    ['ILLEGAL_INSTRUCTION', [0x0001], {}],
    ['UNMAPPED_READ', [0x4526], { 5: 0x8000 }],
    ['UNMAPPED_WRITE', [0x4586, 0x0000], { 6: 0x0500 }],
    ['ODD_ADDRESS', [0x4526], { 5: 0x0211 }],
    ['FLASH_WRITE_LOCKED', [0x4582, 0xe000], {}],
  ] as const)('%s', (code, words, registers) => {
    expect(warnings(words, registers)).toMatchObject([{ code, pc: 0xc000 }]);
  });

  it('does not mind PUSH #4 as an immediate', () => {
    expect(warnings([0x1230, 0x0004])).toEqual([]);
  });

  it('tells a place once', () => {
    const mcu = chip([0x4526, 0x3ffe], { 5: 0x8000 });
    const list: McuWarning[] = [];
    mcu.onWarning((warning) => list.push(warning));
    mcu.runUntil(100);
    expect(list).toHaveLength(1);
  });

  it('a fetch below 0x200 resets the chip', () => {
    const kinds: string[] = [];
    const mcu = chip([0x4030, 0x0100]);
    mcu.onReset((kind) => kinds.push(kind));
    mcu.runUntil(20);
    expect(kinds[0]).toBe('fetch');
  });
});
