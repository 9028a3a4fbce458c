/**
 * Which memory the next instruction will touch, from its words and the registers (SLAU144 "MSP430 Instruction Set"):
 * for watchpoints, which cost the CPU nothing this way.
 *
 * Instruction fetches and immediate operands are no accesses. Left out: what an interrupt's acceptance pushes and what
 * the ADC10's transfer controller writes.
 */

export interface MemoryAccess {
  readonly address: number;
  readonly bytes: 1 | 2;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** What is needed of a chip. */
export interface Inspectable {
  readonly registers: Uint16Array;
  peekWord(address: number): number;
}

const PC = 0;
const SP = 1;
const SR = 2;
const CG2 = 3;
const RETI = 0x1300;
const MOV = 4;
const CMP = 9;
const BIT = 11;
const PUSH = 4;
const CALL = 5;

export function nextAccesses(chip: Inspectable): MemoryAccess[] {
  const pc = chip.registers[PC]!;
  const word = chip.peekWord(pc);
  if (word >= 0x4000) return twoOperands(chip, word);
  if (word === RETI) {
    const sp = chip.registers[SP]!;
    return [access(sp, 2, true, false), access(sp + 2, 2, true, false)];
  }
  return word >= 0x1000 && word < RETI ? oneOperand(chip, word) : [];
}

function access(address: number, bytes: 1 | 2, reads: boolean, writes: boolean): MemoryAccess {
  // The bus ignores bit 0 of a word's address.
  return { address: address & (bytes === 2 ? 0xfffe : 0xffff), bytes, reads, writes };
}

function oneOperand(chip: Inspectable, word: number): MemoryAccess[] {
  const operation = (word >> 7) & 7;
  const bytes = (word & 0x40) !== 0 && operation !== CALL ? 1 : 2;
  const address = sourceAddress(chip, (word >> 4) & 3, word & 15, bytes);
  const stacks = operation === PUSH || operation === CALL;
  const accesses = address === undefined ? [] : [access(address, bytes, true, !stacks)];
  if (stacks) accesses.push(access(chip.registers[SP]! - 2, bytes, false, true));
  return accesses;
}

function twoOperands(chip: Inspectable, word: number): MemoryAccess[] {
  const { registers } = chip;
  const operation = word >> 12;
  const bytes = (word & 0x40) !== 0 ? 1 : 2;
  const mode = (word >> 4) & 3;
  const source = (word >> 8) & 15;
  const destination = word & 15;
  const from = sourceAddress(chip, mode, source, bytes);
  const accesses = from === undefined ? [] : [access(from, bytes, true, false)];
  if ((word & 0x80) === 0) return accesses;
  const at = registers[PC]! + (hasSourceWord(mode, source) ? 4 : 2);
  const offset = chip.peekWord(at & 0xffff);
  // @Rn+ moves Rn before the destination's address is computed from it.
  const moved = mode === 3 && source === destination && source > SR ? bytes : 0;
  const base = destination === PC ? at : destination === SR ? 0 : registers[destination]! + moved;
  accesses.push(access(base + offset, bytes, operation !== MOV, operation !== CMP && operation !== BIT));
  return accesses;
}

/** Undefined for registers, constants and immediates. */
function sourceAddress(chip: Inspectable, mode: number, register: number, bytes: number): number | undefined {
  if (mode === 0 || register === CG2 || (register === SR && mode > 1) || (register === PC && mode === 3))
    return undefined;
  const { registers } = chip;
  if (mode >= 2) return register === PC ? registers[PC]! + 2 : registers[register]! & (bytes === 2 ? 0xfffe : 0xffff);
  const at = (registers[PC]! + 2) & 0xffff;
  const base = register === PC ? at : register === SR ? 0 : registers[register]!;
  return (base + chip.peekWord(at)) & 0xffff;
}

function hasSourceWord(mode: number, register: number): boolean {
  return (mode === 1 && register !== CG2) || (mode === 3 && register === PC);
}
