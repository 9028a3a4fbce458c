/**
 * The MSP430 CPU (SLAU144 "MSP430 CPU"): executes decoded instructions and keeps the time while it does.
 *
 * Time: an instruction costs its documented MCLK cycles. Events that fall due within an instruction run first, each at
 * its own time; the instruction's memory accesses then happen at its end. To stay fast the CPU counts a budget of MCLK
 * cycles down and looks at the scheduler only when the budget is spent or a register was accessed. Code in flash that is
 * often jumped to is compiled to JavaScript (compiler/); the interpreter does the rest and every instruction within which
 * something else happens, so that both do the same in the same cycles.
 * Left out: the CPUX extension (the chip has none) and the prefetch of the pipeline.
 */

import { EarlError } from '../../../errors/index.ts';
import type { Memory } from '../memory.ts';
import type { Scheduler } from '../scheduler.ts';
import {
  add,
  arithmeticStatus,
  decimalAdd,
  exclusiveOr,
  logic,
  shiftRight,
  statusN,
  statusV,
  statusZ,
} from './arithmetic.ts';
import { canCompile } from './compiler/compile.ts';
import {
  byteBit,
  cyclesShift,
  decode,
  destinationModeShift,
  destinationRegisterShift,
  lengthShift,
  operation,
  pushConstantBit,
  sourceModeShift,
  sourceRegisterShift,
  specialRegisterBit,
} from './decode.ts';

export const PC = 0;
export const SP = 1;
export const SR = 2;

/** Status register bits beyond the arithmetic ones. */
export const status = { GIE: 0x08, CPUOFF: 0x10, OSCOFF: 0x20, SCG0: 0x40, SCG1: 0x80 } as const;
/** The bits of SR that exist. */
const statusMask = 0x01ff;

const maximumBudget = 1 << 28;

/** How long an MCLK cycle is. */
export interface MclkTiming {
  /** DCO cycles per MCLK cycle when that is a whole number, else 0. */
  readonly divider: number;
  /** Time in DCO cycles, at least one later, when `cycles` MCLK cycles from now have passed; for a divider of 0. */
  timeAfter(cycles: number): number;
  /** MCLK cycles that surely pass before a time; for a divider of 0. */
  ticksUntil(time: number): number;
}

/** How code runs: `auto` compiles what runs often, `compiled` what is jumped to at all, each where the host allows it. */
export type Execution = 'interpreted' | 'compiled' | 'auto';
/** The mode of chips that are not told one; the test suite runs once with each. */
export const executionDefault: { mode: Execution } = { mode: 'auto' };

/** What the CPU tells the chip. */
export interface CpuHost {
  /** Bits of SR other than the arithmetic ones changed. */
  statusChanged(status: number): void;
  /** Instruction fetch below 0x200 (SLAU144: causes a PUC). */
  fetchFromRegisters(): void;
  complain(code: 'PUSH_CONSTANT' | 'ILLEGAL_INSTRUCTION', word: number): void;
}

export class Cpu {
  readonly registers = new Uint16Array(16);
  /** Address of the instruction that runs or ran last. */
  instructionAddress = 0;
  instructions = 0;
  /**
   * The last instruction set GIE: the next one is executed before an interrupt is accepted, pending or not (SLAU144,
   * note at EINT). Whoever accepts interrupts clears it.
   */
  justEnabled = false;
  /** MCLK cycles spent on instructions and interrupt acceptance. */
  activeCycles = 0;

  private readonly memory: Memory;
  private readonly scheduler: Scheduler;
  private readonly mclk: MclkTiming;
  private readonly host: CpuHost;
  /** MCLK cycles until something must be looked at. Compiled code counts it, too. */
  budget = 0;
  private budgetAtStart = 0;
  private target = 0;
  private attention = false;
  private running = false;
  private readonly decoded = new Int32Array(2);
  /** Jumps to a place before it is compiled; 0: never. */
  private readonly compileAfter: number;

  constructor(memory: Memory, scheduler: Scheduler, mclk: MclkTiming, host: CpuHost, execution: Execution) {
    this.memory = memory;
    this.scheduler = scheduler;
    this.mclk = mclk;
    this.host = host;
    this.compileAfter = jumpsBeforeCompiling(execution);
  }

  /** True within `run`, events that run meanwhile included. */
  get executing(): boolean {
    return this.running;
  }

  /** Makes `run` return before the next instruction. */
  interruptRun(): void {
    this.attention = true;
    if (this.running) this.spend();
  }

  /** Brings the scheduler's `now` up to the instruction in progress. */
  synchronize(): void {
    const used = this.budgetAtStart - this.budget;
    if (!this.running || used === 0) return;
    this.scheduler.now = this.timeAfter(used);
    this.activeCycles += used;
    this.budgetAtStart = this.budget;
  }

  /** Looks again at how far the CPU may run; after anything that may have changed events, clocks or requests. */
  reschedule(): void {
    if (!this.running) return;
    this.synchronize();
    const scheduler = this.scheduler;
    const limit = this.attention ? scheduler.now : Math.min(scheduler.nextAt, this.target);
    const divider = this.mclk.divider;
    const cycles = divider !== 0 ? Math.ceil((limit - scheduler.now) / divider) : this.mclk.ticksUntil(limit);
    this.budget = Math.max(0, Math.min(cycles, maximumBudget));
    this.budgetAtStart = this.budget;
  }

  /** Executes until `now` is at or after `target` or until `interruptRun`. */
  run(target: number): void {
    this.target = target;
    this.attention = false;
    this.running = true;
    this.reschedule();
    this.execute();
    this.synchronize();
    this.running = false;
  }

  /** Spends cycles outside of instructions: interrupt acceptance, reset, a CPU held by the flash controller. */
  stall(cycles: number): void {
    this.activeCycles += cycles;
    this.scheduler.advanceTo(this.timeAfter(cycles));
  }

  /** Accepts an interrupt (SLAU144 "Interrupt Acceptance"): pushes PC and SR, clears SR, jumps. Six cycles. */
  accept(vectorAddress: number): void {
    const statusBefore = this.registers[SR]!;
    // First, because a sleeping CPU has no MCLK to count six cycles with.
    this.setStatus(0);
    this.stall(6);
    this.push(this.registers[PC]!);
    this.push(statusBefore);
    this.registers[PC] = this.memory.readWord(vectorAddress) & 0xfffe;
  }

  /** Sets SR as a whole. */
  setStatus(value: number): void {
    const before = this.registers[SR]!;
    this.registers[SR] = value & statusMask;
    if (((before ^ value) & statusMask & ~arithmeticStatus) !== 0) this.host.statusChanged(value & statusMask);
  }

  private spend(): void {
    this.synchronize();
    this.budget = 0;
    this.budgetAtStart = 0;
  }

  private timeAfter(cycles: number): number {
    const divider = this.mclk.divider;
    return divider !== 0 ? this.scheduler.now + cycles * divider : this.mclk.timeAfter(cycles);
  }

  /** The budget does not cover an instruction of so many cycles: stop before it, or run the events within it. */
  private proceed(cycles: number): boolean {
    this.budget += cycles;
    this.synchronize();
    if (this.attention || this.scheduler.now >= this.target) return false;
    this.scheduler.advanceTo(this.timeAfter(cycles));
    this.activeCycles += cycles;
    this.reschedule();
    return true;
  }

  private execute(): void {
    const { registers, memory, compileAfter } = this;
    let count = 0;
    let expected = -1;
    for (;;) {
      const pc = registers[PC]!;
      let packed: number;
      let operands: number;
      if (pc >= 0xc000 && !memory.flashBusy) {
        const flash = memory.flash;
        const index = (pc - 0xc000) >> 1;
        if (compileAfter !== 0) {
          let region = flash.regions[index];
          if (region === undefined && pc !== expected) region = flash.warm(index, compileAfter);
          if (region !== undefined) {
            const done = region(
              this,
              registers,
              memory.ram,
              memory.ramWords,
              flash.bytes,
              flash.words,
              memory,
              decimalAdd,
            );
            count += done;
            if (done !== 0) continue;
          }
        }
        packed = flash.operations[index]!;
        if (packed === 0) packed = flash.decodeAt(index);
        operands = flash.operands[index]!;
      } else {
        packed = this.fetchElsewhere(pc);
        if (packed === 0) break;
        operands = this.decoded[1]!;
      }
      const cycles = (packed >> cyclesShift) & 7;
      this.budget -= cycles;
      if (this.budget <= 0 && !this.proceed(cycles)) break;
      this.instructionAddress = pc;
      count++;
      expected = pc + (((packed >> lengthShift) & 3) << 1);
      registers[PC] = expected;
      const code = packed & 31;
      if (code >= operation.JUMP) this.jump(code, operands);
      else if (code <= operation.AND) this.twoOperands(packed, operands);
      else this.oneOperand(packed, operands);
    }
    this.instructions += count;
  }

  /** Decodes outside of flash, where code may change at any time. 0: there is nothing to execute. */
  private fetchElsewhere(pc: number): number {
    const { memory } = this;
    if (pc < 0x200) {
      this.host.fetchFromRegisters();
      return 0;
    }
    const busy = memory.flashBusy && (pc >= 0xc000 || (pc >= 0x1000 && pc < 0x1100));
    const word0 = busy || !isMemory(pc) ? memory.readWord(pc) : memory.peekWord(pc);
    decode(pc, word0, memory.peekWord(pc + 2), memory.peekWord(pc + 4), this.decoded);
    return this.decoded[0]!;
  }

  private jump(code: number, target: number): void {
    const status = this.registers[SR]!;
    let taken: boolean;
    switch (code - operation.JUMP) {
      case 0:
        taken = (status & statusZ) === 0;
        break;
      case 1:
        taken = (status & statusZ) !== 0;
        break;
      case 2:
        taken = (status & 1) === 0;
        break;
      case 3:
        taken = (status & 1) !== 0;
        break;
      case 4:
        taken = (status & statusN) !== 0;
        break;
      case 5:
        taken = ((status >> 2) & 1) === ((status >> 8) & 1);
        break;
      case 6:
        taken = ((status >> 2) & 1) !== ((status >> 8) & 1);
        break;
      default:
        taken = true;
    }
    if (taken) this.registers[PC] = target;
  }

  /** Address of a source operand in memory; moves the register of @Rn+. */
  private sourceAddress(packed: number, operands: number): number {
    const register = (packed >> sourceRegisterShift) & 15;
    switch ((packed >> sourceModeShift) & 7) {
      case 2:
        return (this.registers[register]! + operands) & 0xffff;
      case 3:
        return operands & 0xffff;
      case 4:
        return this.registers[register]!;
      default: {
        const address = this.registers[register]!;
        // SP stays even: a byte pop moves it by two.
        this.registers[register] = address + ((packed & byteBit) !== 0 && register !== SP ? 1 : 2);
        return address;
      }
    }
  }

  private twoOperands(packed: number, operands: number): void {
    const { registers, memory } = this;
    const byte = (packed & byteBit) !== 0;
    const mask = byte ? 0xff : 0xffff;
    const mode = (packed >> sourceModeShift) & 7;
    let source: number;
    if (mode === 0) source = registers[(packed >> sourceRegisterShift) & 15]! & mask;
    else if (mode === 1) source = operands & mask;
    else {
      const address = this.sourceAddress(packed, operands);
      source = byte ? memory.readByte(address) : memory.readWord(address);
    }

    const code = packed & 31;
    const register = (packed >> destinationRegisterShift) & 15;
    const destinationMode = (packed >> destinationModeShift) & 3;
    if (destinationMode === 0) {
      const value = this.compute(code, source, registers[register]! & mask, mask);
      if (code === operation.CMP || code === operation.BIT) return;
      if ((packed & specialRegisterBit) !== 0) this.writeSpecial(register, value);
      else registers[register] = value;
      return;
    }
    const offset = operands >>> 16;
    const address = destinationMode === 2 ? offset : (registers[register]! + offset) & 0xffff;
    // MOV does not read its destination: reading may have side effects.
    const before = code === operation.MOV ? 0 : byte ? memory.readByte(address) : memory.readWord(address);
    const value = this.compute(code, source, before, mask);
    if (code === operation.CMP || code === operation.BIT) return;
    if (byte) memory.writeByte(address, value);
    else memory.writeWord(address, value);
  }

  /** The result of a two-operand instruction; sets the arithmetic status bits. */
  private compute(code: number, source: number, destination: number, mask: number): number {
    const registers = this.registers;
    let packed: number;
    switch (code) {
      case operation.MOV:
        return source;
      case operation.ADD:
        packed = add(source, destination, 0, mask);
        break;
      case operation.ADDC:
        packed = add(source, destination, registers[SR]! & 1, mask);
        break;
      case operation.SUBC:
        packed = add(source ^ mask, destination, registers[SR]! & 1, mask);
        break;
      case operation.SUB:
      case operation.CMP:
        packed = add(source ^ mask, destination, 1, mask);
        break;
      case operation.DADD:
        packed = decimalAdd(source, destination, registers[SR]! & 1, mask);
        packed |= (registers[SR]! & statusV) << 16;
        break;
      case operation.BIC:
        return destination & ~source & mask;
      case operation.BIS:
        return destination | source;
      case operation.XOR:
        packed = exclusiveOr(source, destination, mask);
        break;
      default:
        packed = logic(source & destination, mask);
    }
    registers[SR] = (registers[SR]! & ~arithmeticStatus) | (packed >>> 16);
    return packed & 0xffff;
  }

  /** Results for PC, SP, SR and CG2, which are not plain registers. */
  private writeSpecial(register: number, value: number): void {
    if (register === SR) {
      if ((value & ~this.registers[SR]! & status.GIE) !== 0) this.justEnabled = true;
      this.setStatus(value);
    } else if (register < SR) this.registers[register] = value & 0xfffe;
  }

  private push(value: number): void {
    const registers = this.registers;
    registers[SP] = registers[SP]! - 2;
    this.memory.writeWord(registers[SP]!, value);
  }

  private pop(): number {
    const registers = this.registers;
    const value = this.memory.readWord(registers[SP]!);
    registers[SP] = registers[SP]! + 2;
    return value;
  }

  private oneOperand(packed: number, operands: number): void {
    const code = packed & 31;
    if (code === operation.RETI) {
      this.setStatus(this.pop());
      this.registers[PC] = this.pop() & 0xfffe;
      return;
    }
    if (code === operation.ILLEGAL) {
      this.host.complain('ILLEGAL_INSTRUCTION', operands);
      return;
    }
    const { registers, memory } = this;
    const byte = (packed & byteBit) !== 0;
    const mask = byte ? 0xff : 0xffff;
    const mode = (packed >> sourceModeShift) & 7;
    let address = -1;
    let source: number;
    if (mode === 0) source = registers[(packed >> sourceRegisterShift) & 15]! & mask;
    else if (mode === 1) source = operands & mask;
    else {
      address = this.sourceAddress(packed, operands);
      source = byte ? memory.readByte(address) : memory.readWord(address);
    }
    switch (code) {
      case operation.PUSH:
        if ((packed & pushConstantBit) !== 0) this.host.complain('PUSH_CONSTANT', source);
        registers[SP] = registers[SP]! - 2;
        if (byte) memory.writeByte(registers[SP]!, source);
        else memory.writeWord(registers[SP]!, source);
        return;
      case operation.CALL:
        this.push(registers[PC]!);
        registers[PC] = source & 0xfffe;
        return;
    }
    const value = this.shift(code, source, mask);
    const register = (packed >> destinationRegisterShift) & 15;
    if (mode === 0) {
      if ((packed & specialRegisterBit) !== 0) this.writeSpecial(register, value);
      else registers[register] = value;
    } else if (mode !== 1) {
      if (byte) memory.writeByte(address, value);
      else memory.writeWord(address, value);
    } else if (register === PC) this.writeSpecial(PC, value);
  }

  /** RRC, RRA, SXT and SWPB. */
  private shift(code: number, source: number, mask: number): number {
    const registers = this.registers;
    const sign = (mask >> 1) + 1;
    let packed: number;
    switch (code) {
      case operation.SWPB:
        return (source >> 8) | ((source & 0xff) << 8);
      case operation.RRC:
        packed = shiftRight(source, (registers[SR]! & 1) !== 0 ? sign : 0, mask);
        break;
      case operation.RRA:
        packed = shiftRight(source, source & sign, mask);
        break;
      default:
        packed = logic((((source & 0xff) ^ 0x80) - 0x80) & 0xffff, 0xffff);
    }
    registers[SR] = (registers[SR]! & ~arithmeticStatus) | (packed >>> 16);
    return packed & 0xffff;
  }
}

function jumpsBeforeCompiling(execution: Execution): number {
  if (execution === 'interpreted') return 0;
  if (canCompile()) return execution === 'compiled' ? 1 : 60;
  if (execution === 'auto') return 0;
  throw new EarlError('CODE_GENERATION_FORBIDDEN', 'this host forbids making functions: use execution "auto"');
}

function isMemory(address: number): boolean {
  return address >= 0xc000 || (address >= 0x200 && address < 0x400) || (address >= 0x1000 && address < 0x1100);
}
