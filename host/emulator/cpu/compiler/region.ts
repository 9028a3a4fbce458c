/**
 * Finds what one compiled function covers: the code that can be reached from an entry by known jumps, calls inlined.
 *
 * A place is an address and the calls that lead to it, so that a called function stands once for each way to it and its
 * RET knows where it should go. Exploration is breadth-first and ends at a size; beyond lies another region.
 */

import { operation } from '../decode.ts';
import {
  accessesRegister,
  fixedTarget,
  type Instruction,
  isBranch,
  isCall,
  isJump,
  isReturn,
  isTranslatable,
} from './instruction.ts';

/** V8 does not optimise functions above a size; and what is rarely reached is not worth compiling with the rest. */
const maximumInstructions = 240;
const maximumCallDepth = 4;

/** A way out of a block: to another block, or out of the region when there is none. */
export interface Edge {
  readonly pc: number;
  block: Block | undefined;
}

export interface Block {
  readonly pc: number;
  readonly instructions: readonly Instruction[];
  readonly cycles: number;
  /** Where it goes: both ways of a conditional jump (taken first), or the one way. Nowhere after a computed jump. */
  readonly edges: readonly Edge[];
}

/** The calls that lead to a place. */
interface Context {
  readonly id: number;
  readonly depth: number;
  readonly returnTo: number;
  readonly parent: Context | undefined;
}

interface Place {
  readonly instruction: Instruction;
  readonly context: Context;
  readonly successors: readonly { readonly pc: number; readonly context: Context | undefined }[];
}

/** Blocks of the region that begins at `entry`, the entry's first; empty when the interpreter has to execute it anyway. */
export function findRegion(entry: number, fetch: (pc: number) => Instruction): readonly Block[] {
  return new Explorer(fetch).explore(entry);
}

class Explorer {
  private readonly fetch: (pc: number) => Instruction;
  private readonly places = new Map<number, Place>();
  private readonly leaders = new Set<number>();
  private readonly contexts = new Map<number, Context>();
  private readonly blocks = new Map<number, Block>();

  constructor(fetch: (pc: number) => Instruction) {
    this.fetch = fetch;
  }

  explore(entry: number): readonly Block[] {
    const root: Context = { id: 0, depth: 0, returnTo: -1, parent: undefined };
    const queue = [{ pc: entry, context: root }];
    for (let start = queue.shift(); start !== undefined; start = queue.shift()) {
      this.leaders.add(key(start.context, start.pc));
      this.scan(start.pc, start.context, queue);
    }
    const first = this.block(key(root, entry));
    return first === undefined ? [] : [...this.blocks.values()];
  }

  /** Follows straight code from a leader. */
  private scan(start: number, context: Context, queue: { pc: number; context: Context }[]): void {
    let pc = start;
    while (pc >= 0xc000 && !this.places.has(key(context, pc)) && this.places.size < maximumInstructions) {
      const instruction = this.fetch(pc);
      // Code that runs over the end of memory is the interpreter's.
      if (!isTranslatable(instruction) || instruction.next < pc) return;
      const successors = this.successors(instruction, context);
      this.places.set(key(context, pc), { instruction, context, successors });
      if (endsBlock(instruction)) {
        for (const { pc: to, context: within } of successors) if (within) queue.push({ pc: to, context: within });
        return;
      }
      pc = instruction.next;
    }
    this.leaders.add(key(context, pc));
  }

  private successors(i: Instruction, context: Context): Place['successors'] {
    const target = fixedTarget(i);
    if (isJump(i)) {
      const taken = { pc: target, context };
      return i.code === operation.JUMP + 7 ? [taken] : [taken, { pc: i.next, context }];
    }
    if (isCall(i)) return target < 0 ? [] : [{ pc: target, context: this.called(i, context) }];
    if (isReturn(i)) return context.parent ? [{ pc: context.returnTo, context: context.parent }] : [];
    if (isBranch(i)) return target < 0 ? [] : [{ pc: target, context }];
    return [{ pc: i.next, context }];
  }

  private called(call: Instruction, parent: Context): Context | undefined {
    if (parent.depth >= maximumCallDepth) return undefined;
    const at = key(parent, call.pc);
    let context = this.contexts.get(at);
    if (context === undefined) {
      context = { id: this.contexts.size + 1, depth: parent.depth + 1, returnTo: call.next, parent };
      this.contexts.set(at, context);
    }
    return context;
  }

  /** Makes the block at a leader and those that follow it. */
  private block(leader: number): Block | undefined {
    const made = this.blocks.get(leader);
    if (made !== undefined) return made;
    let place = this.places.get(leader);
    if (place === undefined) return undefined;
    const pc = place.instruction.pc;
    const instructions: Instruction[] = [];
    let last = place;
    while (place !== undefined) {
      last = place;
      instructions.push(place.instruction);
      if (endsBlock(place.instruction)) break;
      const next = key(place.context, place.instruction.next);
      if (this.leaders.has(next)) break;
      place = this.places.get(next);
    }
    const edges: Edge[] = last.successors.map(({ pc: to }) => ({ pc: to, block: undefined }));
    const cycles = instructions.reduce((sum, i) => sum + i.cycles, 0);
    this.blocks.set(leader, { pc, instructions, cycles, edges });
    last.successors.forEach(({ pc: to, context }, index) => {
      if (context !== undefined) edges[index]!.block = this.block(key(context, to));
    });
    return this.blocks.get(leader);
  }
}

/** After a register was accessed the budget may be another. */
function endsBlock(i: Instruction): boolean {
  return isJump(i) || isCall(i) || isBranch(i) || accessesRegister(i);
}

function key(context: Context, pc: number): number {
  return context.id * 0x10000 + pc;
}
