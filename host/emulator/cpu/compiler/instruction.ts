/**
 * One decoded instruction as the compiler sees it, and what can be said of it before it runs: whether it can be
 * translated at all, whether it touches a peripheral, which status bits it needs and sets.
 *
 * What is not translated is left to the interpreter, which is always right: writes to SR but CLRC and SETC, RETI, arithmetic
 * on PC, illegal words, and fixed addresses that are neither RAM, flash nor a register.
 */

import {
  byteBit,
  cyclesShift,
  destinationMode,
  destinationModeShift,
  destinationRegisterShift,
  lengthShift,
  operation,
  pushConstantBit,
  sourceMode,
  sourceModeShift,
  sourceRegisterShift,
} from '../decode.ts';

const PC = 0;
const SP = 1;
const SR = 2;
const CG2 = 3;

/** Status bits in the three variables that hold them: Z with N, C, V. */
export const statusVariable = { zn: 1, c: 2, v: 4, all: 7 } as const;

export interface Instruction {
  readonly pc: number;
  readonly next: number;
  readonly code: number;
  readonly byte: boolean;
  readonly cycles: number;
  readonly sourceMode: number;
  readonly sourceRegister: number;
  /** Value, offset or address of the source; of a jump its target. */
  readonly sourceOperand: number;
  readonly destinationMode: number;
  readonly destinationRegister: number;
  readonly destinationOperand: number;
  readonly pushConstant: boolean;
}

export function instructionOf(pc: number, packed: number, operands: number): Instruction {
  return {
    pc,
    next: (pc + (((packed >> lengthShift) & 3) << 1)) & 0xffff,
    code: packed & 31,
    byte: (packed & byteBit) !== 0,
    cycles: (packed >> cyclesShift) & 7,
    sourceMode: (packed >> sourceModeShift) & 7,
    sourceRegister: (packed >> sourceRegisterShift) & 15,
    sourceOperand: operands & 0xffff,
    destinationMode: (packed >> destinationModeShift) & 3,
    destinationRegister: (packed >> destinationRegisterShift) & 15,
    destinationOperand: operands >>> 16,
    pushConstant: (packed & pushConstantBit) !== 0,
  };
}

export const isJump = ({ code }: Instruction): boolean => code >= operation.JUMP;
export const isTwoOperand = ({ code }: Instruction): boolean => code <= operation.AND;
export const isCall = ({ code }: Instruction): boolean => code === operation.CALL;
/** MOV x, PC: BR and RET. */
export const isBranch = (i: Instruction): boolean =>
  i.code === operation.MOV && i.destinationMode === destinationMode.register && i.destinationRegister === PC;
/** MOV @SP+, PC. */
export const isReturn = (i: Instruction): boolean =>
  isBranch(i) && i.sourceMode === sourceMode.autoincrement && i.sourceRegister === SP;
/** The target of JMP, BR #x, CALL #x; -1 when it is known only at run time. */
export function fixedTarget(i: Instruction): number {
  if (isJump(i)) return i.sourceOperand;
  return (isCall(i) || isBranch(i)) && i.sourceMode === sourceMode.value ? i.sourceOperand & 0xfffe : -1;
}

/** Compares only: the destination is not written. */
export const readsOnly = ({ code }: Instruction): boolean => code === operation.CMP || code === operation.BIT;

type Place = 'ram' | 'flash' | 'register' | 'elsewhere';

export function placeOf(address: number, byte: boolean): Place {
  if (!byte && (address & 1) !== 0) return 'elsewhere';
  if (address < 0x200) return 'register';
  if (address < 0x400) return 'ram';
  return address >= 0xc000 ? 'flash' : 'elsewhere';
}

/** Touches a peripheral's register at a fixed address. */
export function accessesRegister(i: Instruction): boolean {
  if (isJump(i)) return false;
  if (i.sourceMode === sourceMode.absolute && placeOf(i.sourceOperand, i.byte) === 'register') return true;
  return toAbsolute(i) && placeOf(i.destinationOperand, i.byte) === 'register';
}

const toAbsolute = (i: Instruction): boolean => isTwoOperand(i) && i.destinationMode === destinationMode.absolute;

export function isTranslatable(i: Instruction): boolean {
  if (isJump(i)) return true;
  if (i.code >= operation.RETI || i.pushConstant) return false;
  if (i.sourceMode === sourceMode.absolute && placeOf(i.sourceOperand, i.byte) === 'elsewhere') return false;
  return isTwoOperand(i) ? isTranslatableTwoOperand(i) : isTranslatableOneOperand(i);
}

function isTranslatableTwoOperand(i: Instruction): boolean {
  if (i.destinationMode === destinationMode.absolute) {
    const place = placeOf(i.destinationOperand, i.byte);
    return place === 'ram' || place === 'register';
  }
  if (i.destinationMode === destinationMode.indexed) return true;
  switch (i.destinationRegister) {
    case PC:
      return isBranch(i) && !i.byte;
    case SR:
      return setsCarryOnly(i);
    case CG2:
      // NOP is MOV #0, R3.
      return i.code === operation.MOV && i.sourceMode <= sourceMode.value;
    default:
      return true;
  }
}

/** CLRC and SETC. */
export function setsCarryOnly(i: Instruction): boolean {
  const bits = i.code === operation.BIC || i.code === operation.BIS;
  return bits && i.destinationMode === destinationMode.register && i.destinationRegister === SR && isOne(i) && !i.byte;
}

const isOne = (i: Instruction): boolean => i.sourceMode === sourceMode.value && i.sourceOperand === 1;

function isTranslatableOneOperand(i: Instruction): boolean {
  if (i.code === operation.PUSH || i.code === operation.CALL) return true;
  if (i.sourceMode === sourceMode.value) return false;
  if (i.sourceMode === sourceMode.absolute) {
    const place = placeOf(i.sourceOperand, i.byte);
    return place === 'ram' || place === 'register';
  }
  return i.sourceMode !== sourceMode.register || i.sourceRegister > SR || i.sourceRegister === SP;
}

/** May find at run time that the interpreter must execute it: an address that is known only then. */
export function mayLeave(i: Instruction): boolean {
  if (isJump(i)) return false;
  if (i.sourceMode >= sourceMode.indexed && i.sourceMode !== sourceMode.absolute) return true;
  if (i.code === operation.PUSH || i.code === operation.CALL) return true;
  return isTwoOperand(i) && i.destinationMode === destinationMode.indexed;
}

/** Status variables that it reads. */
export function statusRead(i: Instruction): number {
  if (isJump(i)) {
    const condition = i.code - operation.JUMP;
    if (condition === 7) return 0;
    if (condition === 2 || condition === 3) return statusVariable.c;
    return condition >= 5 ? statusVariable.zn | statusVariable.v : statusVariable.zn;
  }
  if (mayLeave(i) || (i.sourceMode === sourceMode.register && i.sourceRegister === SR)) return statusVariable.all;
  const { ADDC, SUBC, DADD, RRC } = operation;
  return i.code === ADDC || i.code === SUBC || i.code === DADD || i.code === RRC ? statusVariable.c : 0;
}

/** Status variables that it sets. */
export function statusWritten(i: Instruction): number {
  const { code } = i;
  if (isTwoOperand(i) && setsCarryOnly(i)) return statusVariable.c;
  const { MOV, BIC, BIS, SWPB, PUSH, DADD } = operation;
  if (code >= PUSH || code === MOV || code === BIC || code === BIS || code === SWPB) return 0;
  return code === DADD ? statusVariable.zn | statusVariable.c : statusVariable.all;
}
