/**
 * Decodes as much of an MSP430 instruction as stack analysis needs: its length, where control goes, and what it does to
 * the stack pointer. SLAU144 "CPU", instruction formats I, II and jumps. It does not execute or print anything.
 */

export type Flow =
  | { readonly kind: 'next' }
  /** Conditional jump: target or next. */
  | { readonly kind: 'branch'; readonly target: number }
  | { readonly kind: 'jump'; readonly target: number }
  | { readonly kind: 'call'; readonly target: number }
  | { readonly kind: 'return' }
  /** The target is in a register or in memory. */
  | { readonly kind: 'indirect call' }
  | { readonly kind: 'indirect jump' };

export type StackEffect =
  /** Bytes that the stack grows; negative when it shrinks. */
  | { readonly kind: 'grow'; readonly bytes: number }
  /** The stack pointer is loaded with a constant, as the start-up code does. */
  | { readonly kind: 'set' }
  /** The stack pointer is written in a way that cannot be followed. */
  | { readonly kind: 'unknown' };

export interface Instruction {
  readonly length: number;
  readonly flow: Flow;
  readonly stack: StackEffect;
  /** PUSH #4 or PUSH #8 from the constant generator, which erratum CPU4 makes push a wrong value. */
  readonly isCpu4: boolean;
}

const PC = 0;
const SP = 1;
const SR = 2;
const CG = 3;
const none: StackEffect = { kind: 'grow', bytes: 0 };
const next: Flow = { kind: 'next' };

interface Source {
  /** Extension words that follow the opcode. */
  readonly words: number;
  /** Value, when the operand is a constant. */
  readonly constant?: number;
  readonly isPop: boolean;
}

function sourceOf(register: number, mode: number, extension: number): Source {
  if (register === CG) return { words: 0, constant: [0, 1, 2, 0xffff][mode] ?? 0, isPop: false };
  if (register === SR && mode >= 2) return { words: 0, constant: mode === 2 ? 4 : 8, isPop: false };
  if (mode === 0) return { words: 0, isPop: false };
  if (mode === 1) return { words: 1, isPop: false };
  if (register === PC && mode === 3) return { words: 1, constant: extension, isPop: false };
  return { words: 0, isPop: register === SP && mode === 3 };
}

export function decode(word: (address: number) => number, address: number): Instruction {
  const opcode = word(address);
  if (opcode >> 13 === 1) return decodeJump(opcode, address);
  if (opcode >> 10 === 4) return decodeSingle(opcode, word(address + 2));
  if (opcode >= 0x4000) return decodeDouble(opcode, word(address + 2));
  throw new Error(`0x${address.toString(16)}: no MSP430 instruction (0x${opcode.toString(16).padStart(4, '0')})`);
}

function decodeJump(opcode: number, address: number): Instruction {
  const offset = ((opcode & 0x3ff) ^ 0x200) - 0x200;
  const target = (address + 2 + 2 * offset) & 0xffff;
  const isAlways = ((opcode >> 10) & 7) === 7;
  return { length: 2, flow: { kind: isAlways ? 'jump' : 'branch', target }, stack: none, isCpu4: false };
}

/** RRC SWPB RRA SXT PUSH CALL RETI. */
function decodeSingle(opcode: number, extension: number): Instruction {
  const operation = (opcode >> 7) & 7;
  const register = opcode & 15;
  const mode = (opcode >> 4) & 3;
  if (operation === 6) return { length: 2, flow: { kind: 'return' }, stack: none, isCpu4: false };
  const source = sourceOf(register, mode, extension);
  const length = 2 + 2 * source.words;
  const popped = source.isPop ? -2 : 0;
  if (operation === 4) {
    const isCpu4 = register === SR && mode >= 2;
    return { length, flow: next, stack: { kind: 'grow', bytes: 2 + popped }, isCpu4 };
  }
  if (operation === 5) {
    const flow: Flow =
      source.constant === undefined ? { kind: 'indirect call' } : { kind: 'call', target: source.constant };
    return { length, flow, stack: none, isCpu4: false };
  }
  const writesStackPointer = register === SP && mode === 0;
  return {
    length,
    flow: next,
    stack: writesStackPointer ? { kind: 'unknown' } : { kind: 'grow', bytes: popped },
    isCpu4: false,
  };
}

const MOV = 4;
const ADD = 5;
const SUB = 8;
const CMP = 9;
const BIT = 11;

function decodeDouble(opcode: number, extension: number): Instruction {
  const operation = opcode >> 12;
  const source = sourceOf((opcode >> 8) & 15, (opcode >> 4) & 3, extension);
  const toMemory = (opcode & 0x80) !== 0;
  const destination = opcode & 15;
  const length = 2 + 2 * (source.words + (toMemory ? 1 : 0));
  const popped: StackEffect = { kind: 'grow', bytes: source.isPop ? -2 : 0 };
  const writes = operation !== CMP && operation !== BIT && !toMemory;
  if (writes && destination === PC) return { length, flow: flowOf(operation, source), stack: popped, isCpu4: false };
  if (writes && destination === SP) return { length, flow: next, stack: effectOn(operation, source), isCpu4: false };
  return { length, flow: next, stack: popped, isCpu4: false };
}

/** RET is MOV @SP+, PC; BR #target is MOV #target, PC. */
function flowOf(operation: number, source: Source): Flow {
  if (operation !== MOV) return { kind: 'indirect jump' };
  if (source.isPop) return { kind: 'return' };
  return source.constant === undefined ? { kind: 'indirect jump' } : { kind: 'jump', target: source.constant };
}

function effectOn(operation: number, source: Source): StackEffect {
  if (source.constant === undefined) return { kind: 'unknown' };
  const signed = (source.constant ^ 0x8000) - 0x8000;
  if (operation === ADD) return { kind: 'grow', bytes: -signed };
  if (operation === SUB) return { kind: 'grow', bytes: signed };
  return operation === MOV ? { kind: 'set' } : { kind: 'unknown' };
}
