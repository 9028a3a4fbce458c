/**
 * Where a program's cycles go: by function, in the main program and in each interrupt apart.
 *
 * An instruction counts for the function in whose symbol it lies (ELF); what a compiler inlined counts for the function
 * that it was inlined into. Without symbols it counts for the target of the innermost call. Totals include callees but
 * neither interrupts nor sleep. Calls and returns are followed by the stack pointer (SLAU144 "MSP430 CPU"): code that
 * moves SP by itself, as a scheduler of tasks does, gets right cycles of its own but doubtful totals.
 */

import type { FunctionSymbol } from './image/image.ts';
import { vectors } from './interrupts.ts';
import type { Mcu } from './mcu.ts';
import type { ExecutionObserver } from './observer.ts';

export interface ProfileRow {
  readonly name: string;
  readonly address: number;
  /** `main`, or the name of an interrupt vector. */
  readonly context: string;
  /** MCLK cycles and instructions of its own. */
  readonly cycles: number;
  readonly instructions: number;
  readonly calls: number;
  /** With everything that it called. */
  readonly totalCycles: number;
}

export interface InterruptProfile {
  readonly vector: string;
  readonly count: number;
  /** From acceptance to RETI, without interrupts that were accepted meanwhile. */
  readonly cycles: number;
  readonly longestCycles: number;
}

export interface HotSpot {
  readonly address: number;
  readonly name: string;
  readonly cycles: number;
  readonly executions: number;
}

export interface Profile {
  readonly cycles: number;
  readonly instructions: number;
  /** Times that the CPU came out of a sleep. */
  readonly wakeUps: number;
  /** Most expensive first. */
  readonly functions: readonly ProfileRow[];
  readonly interrupts: readonly InterruptProfile[];
  /** The instructions that cost most. */
  readonly hotSpots: readonly HotSpot[];
}

const MAIN = 'main';
const HOT_SPOTS = 20;
const WORDS = 0x8000;
/** Deeper than 512 bytes of RAM can be; beyond it calls are not followed. */
const MAX_FRAMES = 600;
const STACK_TOP = 0x10000;

interface Row {
  readonly symbol: FunctionSymbol;
  readonly context: string;
  cycles: number;
  instructions: number;
  calls: number;
  totalCycles: number;
  /** Frames of it on the stack: the outermost one counts the total. */
  active: number;
}

interface Frame {
  readonly row: Row;
  /** SP at its first instruction. */
  readonly sp: number;
  readonly startedAt: number;
}

/** The main program or one run of an interrupt handler: time stands still in it while another one runs. */
interface Activation {
  readonly context: string;
  readonly frames: Frame[];
  /** SP when it began. */
  readonly sp: number;
  clock: number;
  /** Row of the last instruction, SP after it, and whether it was a call. */
  row: Row | undefined;
  lastSp: number;
  called: boolean;
}

interface InterruptCount {
  count: number;
  cycles: number;
  longestCycles: number;
}

export class Profiler implements ExecutionObserver {
  private readonly mcu: Mcu;
  private readonly symbols: readonly FunctionSymbol[];
  /** Index + 1 of the function at each word address. */
  private readonly functionAt = new Uint16Array(WORDS);
  private readonly contexts = new Map<string, Map<number, Row>>();
  private readonly interruptCounts = new Map<string, InterruptCount>();
  private readonly spotCycles = new Float64Array(WORDS);
  private readonly spotExecutions = new Float64Array(WORDS);
  private readonly discovered = new Map<number, FunctionSymbol>();
  private suspended: Activation[] = [];
  private current: Activation = mainActivation();
  private asleep = false;
  private cycles = 0;
  private instructions = 0;
  private wakeUps = 0;
  private readonly detach: () => void;

  /** Counts from now on. @param functions of the program's ELF file; without any, functions are named by address */
  constructor(mcu: Mcu, functions: readonly FunctionSymbol[] = []) {
    this.mcu = mcu;
    this.symbols = functions;
    for (const [index, symbol] of functions.entries()) this.place(symbol, index);
    mcu.onReset(() => this.restart());
    this.detach = mcu.observe(this);
  }

  stop(): void {
    this.detach();
  }

  executed(pc: number, cycles: number): void {
    this.awake();
    const { current } = this;
    const row = this.rowAt(pc);
    row.instructions++;
    this.instructions++;
    this.count(row, cycles);
    this.spotCycles[pc >> 1]! += cycles;
    this.spotExecutions[pc >> 1]!++;
    current.row = row;
    current.lastSp = this.mcu.registers[1]!;
    current.called = isCall(this.mcu.peekWord(pc));
    if (!current.called) this.leave(current.lastSp);
  }

  /** The cycles of the acceptance count for the handler. */
  interrupted(vector: number, cycles: number): void {
    this.awake();
    const [pc, sp] = this.mcu.registers;
    this.suspended.push(this.current);
    this.current = activation(nameOfVector(vector), sp!);
    const row = this.rowAt(pc!);
    this.count(row, cycles);
    this.current.row = row;
    this.current.called = false;
  }

  slept(): void {
    this.asleep = true;
  }

  /** What was counted until now. */
  report(): Profile {
    const rows = [...this.contexts.values()].flatMap((each) => [...each.values()]);
    const pending = this.pendingTotals();
    const functions = rows
      .map((row) => ({
        name: row.symbol.name,
        address: row.symbol.address,
        context: row.context,
        cycles: row.cycles,
        instructions: row.instructions,
        calls: row.calls,
        totalCycles: row.totalCycles + (pending.get(row) ?? 0),
      }))
      .sort((a, b) => b.cycles - a.cycles);
    const interrupts = [...this.interruptCounts].map(([vector, counts]) => ({ vector, ...counts }));
    const { cycles, instructions, wakeUps } = this;
    return { cycles, instructions, wakeUps, functions, interrupts, hotSpots: this.hotSpots() };
  }

  private awake(): void {
    if (!this.asleep) return;
    this.asleep = false;
    this.wakeUps++;
  }

  private count(row: Row, cycles: number): void {
    row.cycles += cycles;
    this.cycles += cycles;
    this.current.clock += cycles;
  }

  // ---- functions

  private place(symbol: FunctionSymbol, index: number): void {
    const next = this.symbols[index + 1]?.address ?? STACK_TOP;
    const end = Math.min(next, symbol.size > 0 ? symbol.address + symbol.size : STACK_TOP);
    this.functionAt.fill(index + 1, symbol.address >> 1, (end + 1) >> 1);
  }

  /** The row of the instruction that is executed at `pc`; follows calls into it. */
  private rowAt(pc: number): Row {
    const { row, called } = this.current;
    if (!called && this.symbols.length === 0 && row !== undefined) return row;
    const symbol = this.symbolAt(pc);
    const entered = called || (symbol.address === pc && row?.symbol !== symbol);
    if (!entered && row?.symbol === symbol) return row;
    const next = this.rowOf(symbol);
    if (entered) this.enter(next);
    return next;
  }

  private symbolAt(pc: number): FunctionSymbol {
    const index = this.functionAt[pc >> 1]!;
    if (index > 0) return this.symbols[index - 1]!;
    let symbol = this.discovered.get(pc);
    if (symbol === undefined) {
      const name = `sub_${pc.toString(16).padStart(4, '0')}`;
      symbol = this.symbols.length > 0 ? nowhere : { name, address: pc, size: 0 };
      this.discovered.set(pc, symbol);
    }
    return symbol;
  }

  private rowOf(symbol: FunctionSymbol): Row {
    const { context } = this.current;
    let rows = this.contexts.get(context);
    if (rows === undefined) {
      rows = new Map();
      this.contexts.set(context, rows);
    }
    let row = rows.get(symbol.address);
    if (row === undefined) {
      row = { symbol, context, cycles: 0, instructions: 0, calls: 0, totalCycles: 0, active: 0 };
      rows.set(symbol.address, row);
    }
    return row;
  }

  private hotSpots(): HotSpot[] {
    const spots: HotSpot[] = [];
    this.spotCycles.forEach((cycles, word) => {
      if (cycles === 0) return;
      const index = this.functionAt[word]!;
      const name = index > 0 ? this.symbols[index - 1]!.name : nowhere.name;
      spots.push({ address: word * 2, name, cycles, executions: this.spotExecutions[word]! });
    });
    return spots.sort((a, b) => b.cycles - a.cycles).slice(0, HOT_SPOTS);
  }

  // ---- calls

  private enter(row: Row): void {
    const { current } = this;
    row.calls++;
    if (current.frames.length >= MAX_FRAMES) return;
    row.active++;
    current.frames.push({ row, sp: current.lastSp, startedAt: current.clock });
  }

  /** The stack pointer rose above the frames of functions that returned, perhaps above the interrupt's. */
  private leave(sp: number): void {
    const { current } = this;
    for (;;) {
      const frame = current.frames.at(-1);
      if (frame === undefined || sp <= frame.sp) break;
      current.frames.pop();
      if (--frame.row.active === 0) frame.row.totalCycles += current.clock - frame.startedAt;
      current.row = current.frames.at(-1)?.row;
    }
    if (sp > current.sp) this.finishInterrupt();
  }

  private finishInterrupt(): void {
    const { context, clock } = this.current;
    const counts = this.interruptCounts.get(context) ?? { count: 0, cycles: 0, longestCycles: 0 };
    this.interruptCounts.set(context, counts);
    counts.count++;
    counts.cycles += clock;
    counts.longestCycles = Math.max(counts.longestCycles, clock);
    this.current = this.suspended.pop() ?? mainActivation();
  }

  /** What the functions that have not returned yet have spent. */
  private pendingTotals(): Map<Row, number> {
    const pending = new Map<Row, number>();
    for (const { frames, clock } of [...this.suspended, this.current]) {
      for (const { row, startedAt } of frames) if (!pending.has(row)) pending.set(row, clock - startedAt);
    }
    return pending;
  }

  /** The chip starts over: nobody returns any more. */
  private restart(): void {
    for (const [row, cycles] of this.pendingTotals()) row.totalCycles += cycles;
    for (const rows of this.contexts.values()) for (const row of rows.values()) row.active = 0;
    this.suspended = [];
    this.current = mainActivation();
    this.asleep = false;
  }
}

/** Code outside of every function in the ELF file. */
const nowhere: FunctionSymbol = { name: '(no symbol)', address: 0, size: 0 };

function mainActivation(): Activation {
  return activation(MAIN, STACK_TOP);
}

function activation(context: string, sp: number): Activation {
  return { context, frames: [], sp, clock: 0, row: undefined, lastSp: sp, called: true };
}

/** CALL in any addressing mode (SLAU144 "Single-Operand (Format II) Instructions"). */
function isCall(word: number): boolean {
  return (word & 0xffc0) === 0x1280;
}

function nameOfVector(vector: number): string {
  const name = Object.entries(vectors).find(([, number]) => number === vector)?.[0];
  return name ?? `vector ${vector}`;
}
