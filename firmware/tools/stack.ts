/**
 * Worst-case stack of an image, computed from its machine code: every path from the reset handler and from every
 * interrupt vector is followed, adding what PUSH, CALL and SUB #n, SP take. It therefore covers assembly and libgcc too,
 * which the compilers' own -fstack-usage does not.
 *
 * What it refuses, with the address, instead of guessing: recursion, jumps and calls through registers or memory, and
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
const MOST_STATES = 20_000;

export class StackAnalyzer {
  private readonly depths = new Map<number, Depth>();
  private readonly active: number[] = [];
  private readonly cpu4 = new Map<number, string>();
  private readonly memory: Uint8Array;
  private readonly names: ReadonlyMap<number, string>;

  constructor(memory: Uint8Array, names: ReadonlyMap<number, string>) {
    this.memory = memory;
    this.names = names;
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
      const callee = this.calleeOf(instruction);
      if (callee && used + WORD + callee.bytes > worst.bytes)
        worst = { bytes: used + WORD + callee.bytes, path: [`${name} ${used + WORD}`, ...callee.path] };
      if (instruction.flow.kind === 'return') returns = true;
      if (callee?.returns === false) continue;
      for (const address of successors(instruction, at.address)) open.push({ address, used });
    }
    return { ...worst, returns };
  }

  private calleeOf(instruction: Instruction): Depth | undefined {
    if (instruction.flow.kind !== 'call') return undefined;
    return this.depthOf(instruction.flow.target);
  }

  private decodeAt(address: number, name: string): Instruction {
    const instruction = decode(this.word, address);
    if (instruction.flow.kind === 'indirect')
      throw new Error(
        `${name}: indirect jump or call at 0x${address.toString(16)}; call a function by its name instead`,
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
      return [following];
    case 'branch':
      return [following, instruction.flow.target];
    case 'jump':
      return [instruction.flow.target];
    case 'return':
    case 'indirect':
      return [];
    default:
      return instruction.flow satisfies never;
  }
}
