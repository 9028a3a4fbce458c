/**
 * Decodes as much of an MSP430 instruction as stack analysis needs: its length, where control goes, and what it does to
 * the stack pointer. The emulator's decoder (host/emulator/cpu/decode.ts) reads the words.
 */
import {
  decode as decodePacked,
  destinationMode,
  destinationModeShift,
  destinationRegisterShift,
  lengthShift,
  operation,
  pushConstantBit,
  sourceMode,
  sourceModeShift,
  sourceRegisterShift,
} from '../../host/emulator/cpu/decode.ts';

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
const none: StackEffect = { kind: 'grow', bytes: 0 };
const next: Flow = { kind: 'next' };

/** The parts of a packed instruction that count here. */
interface Parts {
  readonly operation: number;
  readonly length: number;
  /** Value of the source, or target of a jump, when it is known. */
  readonly constant: number | undefined;
  readonly isPop: boolean;
  /** Register that the result goes to; -1 for memory. */
  readonly destination: number;
}

export function decode(word: (address: number) => number, address: number): Instruction {
  const opcode = word(address);
  decodePacked(address, opcode, word(address + 2), word(address + 4), decoded);
  const parts = partsOf(decoded[0]!, decoded[1]!);
  if (parts.operation === operation.ILLEGAL) {
    throw new Error(`0x${address.toString(16)}: no MSP430 instruction (0x${opcode.toString(16).padStart(4, '0')})`);
  }
  const isCpu4 = (decoded[0]! & pushConstantBit) !== 0;
  return { length: parts.length, flow: flowOf(parts), stack: effectOf(parts), isCpu4 };
}

const decoded = new Int32Array(2);

function partsOf(packed: number, operands: number): Parts {
  const code = packed & 31;
  const mode = (packed >> sourceModeShift) & 7;
  const isConstant = mode === sourceMode.value || code >= operation.JUMP;
  const toMemory = ((packed >> destinationModeShift) & 3) !== destinationMode.register;
  const inMemory = code > operation.AND && mode !== sourceMode.register;
  return {
    operation: code,
    length: 2 * ((packed >> lengthShift) & 3),
    constant: isConstant ? operands & 0xffff : undefined,
    isPop: mode === sourceMode.autoincrement && ((packed >> sourceRegisterShift) & 15) === SP,
    destination: toMemory || inMemory ? -1 : (packed >> destinationRegisterShift) & 15,
  };
}

/** RET is MOV @SP+, PC; BR #target is MOV #target, PC. */
function flowOf({ operation: code, constant, isPop, destination }: Parts): Flow {
  if (code >= operation.JUMP) {
    return code === operation.JUMP + 7 ? { kind: 'jump', target: constant! } : { kind: 'branch', target: constant! };
  }
  if (code === operation.RETI) return { kind: 'return' };
  if (code === operation.CALL) {
    return constant === undefined ? { kind: 'indirect call' } : { kind: 'call', target: constant };
  }
  const writes = code <= operation.AND && code !== operation.CMP && code !== operation.BIT;
  if (!writes || destination !== PC) return next;
  if (code !== operation.MOV) return { kind: 'indirect jump' };
  if (isPop) return { kind: 'return' };
  return constant === undefined ? { kind: 'indirect jump' } : { kind: 'jump', target: constant };
}

function effectOf({ operation: code, constant, isPop, destination }: Parts): StackEffect {
  const popped: StackEffect = { kind: 'grow', bytes: isPop ? -2 : 0 };
  if (code >= operation.JUMP || code === operation.RETI || code === operation.CALL) return none;
  if (code === operation.PUSH) return { kind: 'grow', bytes: 2 + popped.bytes };
  if (destination !== SP || code === operation.CMP || code === operation.BIT) return popped;
  if (constant === undefined || code > operation.AND) return { kind: 'unknown' };
  const signed = (constant ^ 0x8000) - 0x8000;
  if (code === operation.ADD) return { kind: 'grow', bytes: -signed };
  if (code === operation.SUB) return { kind: 'grow', bytes: signed };
  return code === operation.MOV ? { kind: 'set' } : { kind: 'unknown' };
}
