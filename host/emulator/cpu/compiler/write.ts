/**
 * A region as the text of a JavaScript function.
 *
 * Time: a block is entered only when the budget covers all its instructions, else the region is left before it and the
 * interpreter, which looks at events, goes on. So nothing happens within a block that the interpreter would have to know.
 * The check stands on the way into a block, where the status is still known as an expression.
 */

import { operation } from '../decode.ts';
import { ControlFlow } from './control-flow.ts';
import {
  accessesRegister,
  type Instruction,
  isJump,
  statusRead,
  statusVariable,
  statusWritten,
} from './instruction.ts';
import type { Block, Edge } from './region.ts';
import { assignments, conditionOf, inVariables, type Status, statusWord } from './status.ts';
import { type Output, translate } from './translate.ts';

const PC = 0;

/** Names of the function's parameters. */
export const parameters = ['cpu', 'R', 'ram', 'ram16', 'flash', 'flash16', 'memory', 'dadd'] as const;

/** @param blocks the entry's first */
export function writeRegion(blocks: readonly Block[], flashByte: (address: number) => number): string {
  return new RegionWriter(blocks[0]!, flashByte).write();
}

class RegionWriter implements Output {
  private readonly entry: Block;
  private readonly flow: ControlFlow;
  private readonly live: ReadonlyMap<Block, number>;
  private readonly flashByte: (address: number) => number;
  private readonly lines: string[] = [];
  private readonly labels = new Map<Block, number>();
  private readonly used = new Set<number>();
  private readonly written = new Set<number>();
  private names = 0;
  /** How to leave before the instruction that is being translated. */
  private leaveHere = '';

  constructor(entry: Block, flashByte: (address: number) => number) {
    this.entry = entry;
    this.flow = new ControlFlow(entry);
    this.live = liveStatus(this.flow.order);
    this.flashByte = flashByte;
    this.flow.order.forEach((block, index) => {
      this.labels.set(block, index);
    });
  }

  write(): string {
    this.tree(this.entry, inVariables);
    const body = this.lines.join('\n');
    const declare = [...this.used].map((r) => `let r${r} = R[${r}];`).join(' ');
    const store = [...this.written].map((r) => `R[${r}] = r${r};`).join(' ');
    return `'use strict';
let b = cpu.budget - ${this.entry.cycles} | 0;
const s = R[2];
if (b <= 0 || (s & 6) === 6) return 0;
const sr = s & 248;
let zn = (s & 2) !== 0 ? 0 : (s & 4) !== 0 ? -1 : 1, cs = s << 16, vs = s << 7, pc = 0, n = 0;
${declare}
out: {
${body}
}
R[0] = pc; R[2] = ${statusWord(inVariables)}; ${store}
cpu.budget = b;
return n;`;
  }

  // ---- Output

  line(text: string): void {
    this.lines.push(text);
  }

  name(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  register(index: number, written: boolean): string {
    this.used.add(index);
    if (written) this.written.add(index);
    return `r${index}`;
  }

  leave(status: Status): string {
    return `{ ${this.leaveHere}${assignments(status, statusVariable.all)} break out; }`;
  }

  // ---- structure

  /** A block and all that it dominates. */
  private tree(block: Block, status: Status): void {
    const joins = this.flow.joinsUnder(block);
    if (this.flow.loops.has(block)) {
      this.line(`L${this.labels.get(block)}: for (;;) {`);
      this.within(block, inVariables, joins);
      this.line('}');
    } else this.within(block, status, joins);
  }

  private within(block: Block, status: Status, joins: readonly Block[]): void {
    const [last, ...others] = joins;
    if (last === undefined) {
      this.block(block, status);
      return;
    }
    this.line(`B${this.labels.get(last)}: {`);
    this.within(block, status, others);
    this.line('}');
    this.tree(last, inVariables);
  }

  private block(block: Block, before: Status): void {
    let status = before;
    let cycles = block.cycles;
    let left = block.instructions.length;
    let target: string | undefined;
    this.line(`n = n + ${left} | 0;`);
    for (const i of block.instructions) {
      if (isJump(i)) break;
      this.leaveHere = `b = b + ${cycles} | 0; n = n - ${left} | 0; pc = ${i.pc}; `;
      ({ status, target } = { target: undefined, ...translate(i, status, this, this.flashByte) });
      cycles -= i.cycles;
      left--;
    }
    const last = block.instructions.at(-1)!;
    if (accessesRegister(last)) this.line('b = cpu.budget;');
    this.end(block, last, status, target);
  }

  private end(block: Block, last: Instruction, status: Status, target: string | undefined): void {
    const [first, second] = block.edges;
    if (first === undefined) this.jumpTo(`${target} & 65534`, status);
    else if (second !== undefined) {
      this.line(`if (${conditionOf(last.code - operation.JUMP, status)}) {`);
      this.edge(block, first, status);
      this.line('}');
      this.edge(block, second, status);
    } else if (returns(last)) {
      this.line(`if (${target} !== ${first.pc}) {`);
      this.jumpTo(`${target} & 65534`, status);
      this.line('}');
      this.edge(block, first, status);
    } else this.edge(block, first, status);
  }

  /** Out of the region. */
  private jumpTo(pc: string, status: Status): void {
    this.line(`{ pc = ${pc}; ${assignments(status, statusVariable.all)} break out; }`);
  }

  private edge(from: Block, { pc, block: to }: Edge, status: Status): void {
    if (to === undefined) {
      this.jumpTo(String(pc), status);
      return;
    }
    this.line(`if ((b = b - ${to.cycles} | 0) <= 0) { b = b + ${to.cycles} | 0;`);
    this.jumpTo(String(pc), status);
    this.line('}');
    const isBack = this.flow.isBack(from, to);
    const isShared = isBack || this.flow.joins.has(to) || this.flow.loops.has(to);
    if (isShared) this.line(assignments(status, this.live.get(to)!));
    if (isBack) this.line(`continue L${this.labels.get(to)};`);
    else if (this.flow.joins.has(to)) this.line(`break B${this.labels.get(to)};`);
    else this.tree(to, isShared ? inVariables : status);
  }
}

/** A branch with one edge whose target is computed: a RET inside an inlined call. */
function returns(i: Instruction): boolean {
  return i.code === operation.MOV && i.destinationMode === 0 && i.destinationRegister === PC && i.sourceMode !== 1;
}

/** Which status variables each block needs from those before it; a way out at its end needs all that it leaves alone. */
function liveStatus(order: readonly Block[]): ReadonlyMap<Block, number> {
  const needs = ({ instructions }: Block) =>
    instructions.reduceRight((mask, i) => (mask & ~statusWritten(i)) | statusRead(i), statusVariable.all as number);
  return new Map(order.map((block) => [block, needs(block)]));
}
