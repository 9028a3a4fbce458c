/**
 * MSP430 instructions, decoded once into a packed word and an operand word (SLAU144 "MSP430 CPU": instruction formats,
 * addressing modes, tables of instruction cycles and lengths).
 *
 * Decoding settles everything that depends on the address alone: constants, immediates, PC-relative and absolute
 * addresses become plain values, so that execution knows five source and three destination modes only.
 */

/** Operations; the first twelve are opcode - 4 of the two-operand format. */
export const operation = {
  MOV: 0,
  ADD: 1,
  ADDC: 2,
  SUBC: 3,
  SUB: 4,
  CMP: 5,
  DADD: 6,
  BIT: 7,
  BIC: 8,
  BIS: 9,
  XOR: 10,
  AND: 11,
  RRC: 12,
  SWPB: 13,
  RRA: 14,
  SXT: 15,
  PUSH: 16,
  CALL: 17,
  RETI: 18,
  ILLEGAL: 19,
  /** JNE, JEQ, JNC, JC, JN, JGE, JL, JMP follow each other. */
  JUMP: 20,
} as const;

/** Where the source operand comes from. */
export const sourceMode = { register: 0, value: 1, indexed: 2, absolute: 3, indirect: 4, autoincrement: 5 } as const;
/** Where the result goes to. */
export const destinationMode = { register: 0, indexed: 1, absolute: 2 } as const;

/*
 * Packed instruction: bits 0-4 operation, 5 byte, 6-8 source mode, 9-10 destination mode, 11-14 source register,
 * 15-18 destination register, 19-20 length in words, 21-23 cycles, 24 the destination register is PC, SP, SR or CG2,
 * 25 PUSH #4 or #8 in the form that erratum CPU4 forbids. Never 0, as the length is not.
 */
export const byteBit = 1 << 5;
export const specialRegisterBit = 1 << 24;
export const pushConstantBit = 1 << 25;
export const sourceModeShift = 6;
export const destinationModeShift = 9;
export const sourceRegisterShift = 11;
export const destinationRegisterShift = 15;
export const lengthShift = 19;
export const cyclesShift = 21;

interface Source {
  readonly mode: number;
  readonly register: number;
  /** Value, offset or address. */
  readonly operand: number;
  readonly words: 0 | 1;
  readonly kind: 'register' | 'indirect' | 'autoincrement' | 'immediate' | 'indexed';
}

/** Decodes the instruction at `pc`; `word1` and `word2` are the words that follow. Result: [packed, operands]. */
export function decode(pc: number, word0: number, word1: number, word2: number, result: Int32Array): void {
  if (word0 >= 0x4000) decodeTwoOperands(pc, word0, word1, word2, result);
  else if (word0 >= 0x2000) decodeJump(pc, word0, result);
  else decodeOneOperand(pc, word0, word1, result);
}

function decodeTwoOperands(pc: number, word0: number, word1: number, word2: number, result: Int32Array): void {
  const byte = (word0 >> 6) & 1;
  const source = decodeSource(pc, (word0 >> 8) & 15, (word0 >> 4) & 3, byte, word1);
  const register = word0 & 15;
  const indexed = ((word0 >> 7) & 1) === 1;
  let mode: number = destinationMode.register;
  let operand = 0;
  if (indexed) {
    const extensionAddress = pc + 2 + 2 * source.words;
    operand = source.words === 1 ? word2 : word1;
    mode = destinationMode.indexed;
    // PC, SR and CG2 as a base make an address that is known already: symbolic, absolute, and CG2 reads 0.
    if (register === 0) operand = (operand + extensionAddress) & 0xffff;
    if (register === 0 || register === 2 || register === 3) mode = destinationMode.absolute;
  }
  result[0] =
    ((word0 >> 12) - 4) |
    (byte << 5) |
    (source.mode << sourceModeShift) |
    (mode << destinationModeShift) |
    (source.register << sourceRegisterShift) |
    (register << destinationRegisterShift) |
    ((1 + source.words + (indexed ? 1 : 0)) << lengthShift) |
    (twoOperandCycles(source.kind, indexed, register) << cyclesShift) |
    (!indexed && register < 4 ? specialRegisterBit : 0);
  result[1] = source.operand | (operand << 16);
}

function decodeSource(pc: number, register: number, mode: number, byte: number, word1: number): Source {
  const constant = constantGenerator(register, mode);
  if (constant !== undefined) {
    return value(byte === 1 ? constant & 0xff : constant, 'register');
  }
  if (mode === 0) {
    return register === 0
      ? value((pc + 2) & (byte === 1 ? 0xff : 0xffff), 'register')
      : { mode: sourceMode.register, register, operand: 0, words: 0, kind: 'register' };
  }
  if (mode === 1) {
    const absolute = register === 0 || register === 2;
    const operand = register === 0 ? (word1 + pc + 2) & 0xffff : word1;
    return { mode: absolute ? sourceMode.absolute : sourceMode.indexed, register, operand, words: 1, kind: 'indexed' };
  }
  if (register === 0) {
    if (mode === 3) return { ...value(byte === 1 ? word1 & 0xff : word1, 'immediate'), words: 1 };
    return { mode: sourceMode.absolute, register, operand: (pc + 2) & 0xffff, words: 0, kind: 'indirect' };
  }
  return mode === 2
    ? { mode: sourceMode.indirect, register, operand: 0, words: 0, kind: 'indirect' }
    : { mode: sourceMode.autoincrement, register, operand: 0, words: 0, kind: 'autoincrement' };
}

function value(operand: number, kind: Source['kind']): Source {
  return { mode: sourceMode.value, register: 0, operand, words: 0, kind };
}

/** SLAU144 "Constant Generator Registers CG1 and CG2". */
function constantGenerator(register: number, mode: number): number | undefined {
  if (register === 3) return [0, 1, 2, 0xffff][mode];
  if (register === 2 && mode === 2) return 4;
  if (register === 2 && mode === 3) return 8;
  return undefined;
}

/** SLAU144 "Format I (Double-Operand) Instruction Cycles and Lengths". */
function twoOperandCycles(kind: Source['kind'], toMemory: boolean, register: number): number {
  const toPc = !toMemory && register === 0;
  switch (kind) {
    case 'register':
      return toMemory ? 4 : toPc ? 2 : 1;
    case 'indirect':
      return toMemory ? 5 : 2;
    case 'autoincrement':
    case 'immediate':
      return toMemory ? 5 : toPc ? 3 : 2;
    case 'indexed':
      return toMemory ? 6 : 3;
  }
}

function decodeOneOperand(pc: number, word0: number, word1: number, result: Int32Array): void {
  const code = (word0 >> 7) & 7;
  if (word0 < 0x1000 || word0 >= 0x1380 || (code === 6 && word0 !== 0x1300)) {
    result[0] = operation.ILLEGAL | (1 << lengthShift) | (1 << cyclesShift);
    result[1] = word0;
    return;
  }
  if (code === 6) {
    result[0] = operation.RETI | (1 << lengthShift) | (5 << cyclesShift);
    result[1] = 0;
    return;
  }
  // SWPB, SXT and CALL have no byte form.
  const byte = code === 1 || code === 3 || code === 5 ? 0 : (word0 >> 6) & 1;
  const register = word0 & 15;
  const source = decodeSource(pc, register, (word0 >> 4) & 3, byte, word1);
  const fromGenerator = source.mode === sourceMode.value && source.words === 0 && register !== 0;
  result[0] =
    (operation.RRC + code) |
    (byte << 5) |
    (source.mode << sourceModeShift) |
    (source.register << sourceRegisterShift) |
    (register << destinationRegisterShift) |
    ((1 + source.words) << lengthShift) |
    (oneOperandCycles(code, source.kind) << cyclesShift) |
    (source.mode === sourceMode.register && register < 4 ? specialRegisterBit : 0) |
    (code === 4 && fromGenerator && source.operand >= 4 && register === 2 ? pushConstantBit : 0);
  result[1] = source.operand;
}

/** SLAU144 "Format II (Single-Operand) Instruction Cycles and Lengths"; columns: arithmetic, PUSH, CALL. */
const oneOperandCycleTable: Record<Source['kind'], readonly [number, number, number]> = {
  register: [1, 3, 4],
  indirect: [3, 4, 4],
  autoincrement: [3, 5, 5],
  immediate: [3, 4, 5],
  indexed: [4, 5, 5],
};

function oneOperandCycles(code: number, kind: Source['kind']): number {
  return oneOperandCycleTable[kind][code === 4 ? 1 : code === 5 ? 2 : 0];
}

function decodeJump(pc: number, word0: number, result: Int32Array): void {
  const offset = ((word0 & 0x3ff) ^ 0x200) - 0x200;
  result[0] = (operation.JUMP + ((word0 >> 10) & 7)) | (1 << lengthShift) | (2 << cyclesShift);
  result[1] = (pc + 2 + 2 * offset) & 0xffff;
}
