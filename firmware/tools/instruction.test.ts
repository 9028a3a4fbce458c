/** Encodings worked out by hand from SLAU144, "MSP430 Instructions" and "Constant Generator Registers". */
import { describe, expect, it } from 'vitest';
import { decode } from './instruction.ts';

function at(address: number, ...words: number[]) {
  return decode((a) => words[(a - address) / 2] ?? 0, address);
}

describe('decode', () => {
  it.each([
    ['MOV R5, R6', [0x4506], 2],
    ['MOV #0x1234, R6', [0x4036, 0x1234], 4],
    ['MOV #0x1234, 2(R6)', [0x40b6, 0x1234, 2], 6],
    ['MOV #1, &0x0021', [0x4392, 0x0021], 4],
    ['MOV 2(R5), 4(R6)', [0x4596, 2, 4], 6],
    ['RRA R5', [0x1105], 2],
    ['PUSH 2(R5)', [0x1215, 2], 4],
  ])('knows the length of %s', (_, words, length) => {
    expect(at(0xc000, ...words)).toMatchObject({ length, flow: { kind: 'next' } });
  });

  it.each([
    ['JMP $+4', [0x3c01], { kind: 'jump', target: 0xc004 }],
    ['JMP $', [0x3fff], { kind: 'jump', target: 0xc000 }],
    ['JNZ $-2', [0x23fe], { kind: 'branch', target: 0xbffe }],
    ['CALL #0xC123', [0x12b0, 0xc122], { kind: 'call', target: 0xc122 }],
    ['CALL R12', [0x128c], { kind: 'indirect call' }],
    ['CALL &0x0200', [0x1292, 0x0200], { kind: 'indirect call' }],
    ['BR #0xD000', [0x4030, 0xd000], { kind: 'jump', target: 0xd000 }],
    ['BR R12', [0x4c00], { kind: 'indirect jump' }],
    ['ADD R12, PC', [0x5c00], { kind: 'indirect jump' }],
    ['RET', [0x4130], { kind: 'return' }],
    ['RETI', [0x1300], { kind: 'return' }],
  ])('knows where %s goes', (_, words, flow) => {
    expect(at(0xc000, ...words).flow).toEqual(flow);
  });

  it.each([
    ['PUSH R10', [0x120a], 2],
    ['POP R10', [0x413a], -2],
    ['SUB #10, SP', [0x8031, 10], 10],
    ['ADD #10, SP', [0x5031, 10], -10],
    ['ADD #-10, SP', [0x5031, 0xfff6], 10],
    ['DECD SP', [0x8321], 2],
    ['INCD SP', [0x5321], -2],
    ['CMP #8, SP', [0x9231], 0],
    ['MOV R5, 0(SP)', [0x4581, 0], 0],
  ])('knows what %s does to the stack', (_, words, bytes) => {
    expect(at(0xc000, ...words).stack).toEqual({ kind: 'grow', bytes });
  });

  it('does not guess what a computed stack pointer is', () => {
    expect(at(0xc000, 0x4501).stack).toEqual({ kind: 'unknown' });
    expect(at(0xc000, 0x4031, 0x0400).stack).toEqual({ kind: 'set' });
  });

  it('recognises the pushes that erratum CPU4 forbids, and their harmless forms', () => {
    expect(at(0xc000, 0x1222).isCpu4).toBe(true);
    expect(at(0xc000, 0x1232).isCpu4).toBe(true);
    expect(at(0xc000, 0x1262).isCpu4).toBe(true);
    expect(at(0xc000, 0x1230, 4).isCpu4).toBe(false);
    expect(at(0xc000, 0x1202).isCpu4).toBe(false);
  });

  it('refuses what is no instruction', () => {
    expect(() => at(0xc000, 0x0000)).toThrow('0xc000');
  });
});
