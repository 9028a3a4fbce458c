/**
 * The shape of a region's graph: which blocks are loops, which ones join several ways, and which block dominates which.
 *
 * With it the graph is written as nested loops and labelled blocks, without a dispatch variable (N. Ramsey, "Beyond
 * Relooper", ICFP 2022). Dominators by K. Cooper, T. Harvey, K. Kennedy, "A Simple, Fast Dominance Algorithm". A way into a
 * loop other than by its head has no such form: it is made a way out of the region.
 */

import type { Block } from './region.ts';

export class ControlFlow {
  /** Blocks in reverse postorder, the entry first. */
  readonly order: readonly Block[];
  /** Blocks that some way back leads to. */
  readonly loops: ReadonlySet<Block>;
  /** Blocks that several ways forward lead to. */
  readonly joins: ReadonlySet<Block>;
  private readonly position = new Map<Block, number>();
  private readonly parent: number[];

  constructor(entry: Block) {
    this.order = reversePostorder(entry);
    this.order.forEach((block, index) => {
      this.position.set(block, index);
    });
    this.parent = this.dominators();
    this.cutOtherWaysIntoLoops();
    const loops = new Set<Block>();
    const forward = new Map<Block, number>();
    for (const block of this.order) {
      for (const { block: to } of block.edges) {
        if (to === undefined) continue;
        if (this.isBack(block, to)) loops.add(to);
        else forward.set(to, (forward.get(to) ?? 0) + 1);
      }
    }
    this.loops = loops;
    this.joins = new Set([...forward].filter(([, count]) => count > 1).map(([block]) => block));
  }

  isBack(from: Block, to: Block): boolean {
    return this.position.get(to)! <= this.position.get(from)!;
  }

  /** Joins that `block` immediately dominates, the last in order first. */
  joinsUnder(block: Block): readonly Block[] {
    const at = this.position.get(block)!;
    return this.order
      .filter((other, index) => index > at && this.parent[index] === at && this.joins.has(other))
      .reverse();
  }

  private dominators(): number[] {
    const { order, position } = this;
    const predecessors: number[][] = order.map(() => []);
    order.forEach((block, index) => {
      for (const { block: to } of block.edges) if (to) predecessors[position.get(to)!]!.push(index);
    });
    const parent: number[] = order.map((_, index) => (index === 0 ? 0 : -1));
    for (let changed = true; changed; ) {
      changed = false;
      for (let index = 1; index < order.length; index++) {
        const known = predecessors[index]!.filter((from) => parent[from]! >= 0);
        const best = known.reduce((a, b) => meet(parent, a, b));
        if (parent[index] !== best) {
          parent[index] = best;
          changed = true;
        }
      }
    }
    return parent;
  }

  /** Removing a way that goes back leaves every block reachable, and its dominators at least as good. */
  private cutOtherWaysIntoLoops(): void {
    for (const block of this.order) {
      for (const edge of block.edges) {
        const to = edge.block;
        if (to !== undefined && this.isBack(block, to) && !this.dominates(to, block)) edge.block = undefined;
      }
    }
  }

  private dominates(a: Block, b: Block): boolean {
    const goal = this.position.get(a)!;
    let at = this.position.get(b)!;
    while (at > goal) at = this.parent[at]!;
    return at === goal;
  }
}

function meet(parent: readonly number[], first: number, second: number): number {
  let [a, b] = [first, second];
  while (a !== b) {
    while (a > b) a = parent[a]!;
    while (b > a) b = parent[b]!;
  }
  return a;
}

function reversePostorder(entry: Block): Block[] {
  const seen = new Set<Block>();
  const order: Block[] = [];
  const visit = (block: Block) => {
    seen.add(block);
    for (const { block: to } of block.edges) if (to !== undefined && !seen.has(to)) visit(to);
    order.push(block);
  };
  visit(entry);
  return order.reverse();
}
