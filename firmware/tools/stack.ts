/**
 * Worst-case stack of an image, computed from its machine code: every path from the reset handler and from every
 * interrupt vector is followed, adding what PUSH, CALL and SUB #n, SP take. It therefore covers assembly and libgcc too,
 * which the compilers' own -fstack-usage does not.
 *
 * A call through a pointer is taken to reach every function whose address stands in the image as data or as an operand,
 * which can only make the bound too high. What is refused, with the address: recursion, jumps through registers, and
 * writes to the stack pointer that are not constants. Interrupts do not nest (no handler sets GIE), so the worst case is
 * main's plus that of the deepest interrupt.
 */
import { decode, type Instruction } from './instruction.ts';

export interface StackUse {
  /** Bytes that main needs, the reset handler's call included. */
  readonly main: number;
  /** Bytes that the deepest interrupt adds: PC and SR, its stub and its handler. */
  readonly interrupt: number;
  /** From the reset handler to the deepest function: name, a space, and the bytes it has in use at its call. */
  readonly mainPath: readonly string[];
  readonly interruptPath: readonly string[];
  /** Addresses of reachable instructions that erratum CPU4 forbids, with the function that holds them. */
  readonly cpu4: readonly { readonly address: number; readonly function: string }[];
}

interface Depth {
  readonly bytes: number;
  /** False for a function that loops for ever or resets the chip: what stands behind a call of it is not its caller. */
  readonly returns: boolean;
  readonly path: readonly string[];
}

const VECTORS = 0xffe0;
const RESET_VECTOR = 0xfffe;
const WORD = 2;
/** CALL #target and BR #target: the word before a function's address that makes it no pointer. */
const CALL_IMMEDIATE = 0x12b0;
const BRANCH_IMMEDIATE = 0x4030;
const FLASH_START = 0xc000;
const MOST_STATES = 20_000;

export class StackAnalyzer {
  private readonly depths = new Map<number, Depth>();
  private readonly active: number[] = [];
  private readonly cpu4 = new Map<number, string>();
  private readonly memory: Uint8Array;
  private readonly names: ReadonlyMap<number, string>;
  private readonly pointedTo: readonly number[];

  /**
   * @param memory 64 KB as the chip sees them
   * @param names functions by address
   */
  constructor(memory: Uint8Array, names: ReadonlyMap<number, string>) {
    this.memory = memory;
    this.names = names;
    this.pointedTo = [...new Set(this.pointers())].sort((a, b) => a - b);
  }

  /** Functions whose address is used other than by a direct call or jump. Stubs of interrupts are pointed to by vectors only. */
  private *pointers(): Generator<number> {
    for (let at = FLASH_START; at < VECTORS; at += WORD) {
      const before = this.word(at - WORD);
      if (before === CALL_IMMEDIATE || before === BRANCH_IMMEDIATE) continue;
      if (this.names.has(this.word(at))) yield this.word(at);
    }
  }

  analyze(): StackUse {
    const main = this.depthOf(this.word(RESET_VECTOR));
    let interrupt = { bytes: 0, path: [] as readonly string[] };
    for (let vector = VECTORS; vector < RESET_VECTOR; vector += WORD) {
      const depth = this.depthOf(this.word(vector));
      const bytes = depth.bytes + 2 * WORD;
      if (bytes > interrupt.bytes) interrupt = { bytes, path: depth.path };
    }
    return {
      main: main.bytes,
      interrupt: interrupt.bytes,
      mainPath: main.path,
      interruptPath: interrupt.path,
      cpu4: [...this.cpu4].map(([address, name]) => ({ address, function: name })),
    };
  }

  private word = (address: number): number =>
    (this.memory[address & 0xfffe] ?? 0) | ((this.memory[(address & 0xfffe) + 1] ?? 0) << 8);

  private nameOf(address: number): string {
    return this.names.get(address) ?? `0x${address.toString(16)}`;
  }

  /** Bytes below the return address that the code at `entry` may use, its callees included. */
  private depthOf(entry: number): Depth {
    const known = this.depths.get(entry);
    if (known) return known;
    if (this.active.includes(entry))
      throw new Error(`recursion: ${[...this.active, entry].map((a) => this.nameOf(a)).join(' > ')}`);
    this.active.push(entry);
    const depth = this.follow(entry);
    this.active.pop();
    this.depths.set(entry, depth);
    return depth;
  }

  /** Follows all paths of one function; a jump into another function goes on with the stack as it is. */
  private follow(entry: number): Depth {
    const name = this.nameOf(entry);
    let worst = { bytes: 0, path: [`${name} 0`] as readonly string[] };
    let returns = false;
    const seen = new Set<string>();
    const open = [{ address: entry, used: 0 }];
    for (let at = open.pop(); at; at = open.pop()) {
      const key = `${at.address}:${at.used}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > MOST_STATES) throw new Error(`${name}: the stack grows in a loop`);
      const instruction = this.decodeAt(at.address, name);
      const used = usedAfter(instruction, at.used, at.address, name);
      if (used > worst.bytes) worst = { bytes: used, path: [`${name} ${used}`] };
      const callees = this.calleesOf(instruction, name, at.address);
      for (const callee of callees)
        if (used + WORD + callee.bytes > worst.bytes)
          worst = { bytes: used + WORD + callee.bytes, path: [`${name} ${used + WORD}`, ...callee.path] };
      if (instruction.flow.kind === 'return') returns = true;
      if (callees.length > 0 && callees.every((callee) => !callee.returns)) continue;
      for (const address of successors(instruction, at.address)) open.push({ address, used });
    }
    return { ...worst, returns };
  }

  private calleesOf(instruction: Instruction, name: string, address: number): Depth[] {
    if (instruction.flow.kind === 'call') return [this.depthOf(instruction.flow.target)];
    if (instruction.flow.kind !== 'indirect call') return [];
    if (this.pointedTo.length === 0)
      throw new Error(
        `${name}: call through a pointer at 0x${address.toString(16)}, but no function's address is used`,
      );
    return this.pointedTo.map((target) => this.depthOf(target));
  }

  private decodeAt(address: number, name: string): Instruction {
    const instruction = decode(this.word, address);
    if (instruction.flow.kind === 'indirect jump')
      throw new Error(
        `${name}: jump through a register at 0x${address.toString(16)}; -fno-jump-tables should prevent it`,
      );
    if (instruction.isCpu4) this.cpu4.set(address, name);
    return instruction;
  }
}

function usedAfter(instruction: Instruction, used: number, address: number, name: string): number {
  const { stack } = instruction;
  if (stack.kind === 'unknown') throw new Error(`${name}: SP is computed at 0x${address.toString(16)}`);
  return stack.kind === 'set' ? 0 : used + stack.bytes;
}

function successors(instruction: Instruction, address: number): number[] {
  const following = address + instruction.length;
  switch (instruction.flow.kind) {
    case 'next':
    case 'call':
    case 'indirect call':
      return [following];
    case 'branch':
      return [following, instruction.flow.target];
    case 'jump':
      return [instruction.flow.target];
    case 'return':
    case 'indirect jump':
      return [];
    default:
      return instruction.flow satisfies never;
  }
}
