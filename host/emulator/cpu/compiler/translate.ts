/**
 * One MSP430 instruction as JavaScript (semantics as in cpu.ts; SLAU144 "Instruction Set").
 *
 * Every instruction first finds its addresses and leaves the region when one is not plain RAM or flash, before it has
 * changed anything: the interpreter then executes it. Registers are variables r1, r4 … r15; values that later code or the
 * status refers to are constants with a number of their own. Registers of peripherals are accessed through `memory` with
 * the CPU's time brought up to date, at the end of the instruction's cycles, as the interpreter does.
 */

import { destinationMode, operation, sourceMode } from '../decode.ts';
import {
  accessesRegister,
  type Instruction,
  isBranch,
  isTwoOperand,
  placeOf,
  readsOnly,
  setsCarryOnly,
} from './instruction.ts';
import { carryBit, type Status, statusWord } from './status.ts';

const SP = 1;
const SR = 2;
const CG2 = 3;

export interface Output {
  line(text: string): void;
  /** A name that is not in use. */
  name(prefix: string): string;
  /** A register's variable; `written` when the region changes it. */
  register(index: number, written: boolean): string;
  /** A statement that leaves the region before the instruction. */
  leave(status: Status): string;
}

/** A memory operand: where it is, once its address is known to be good. */
interface Location {
  readonly read: string;
  write(value: string): string;
}

export interface Translated {
  readonly status: Status;
  /** For a computed jump: the new PC. */
  readonly target?: string;
}

/** Translates all but conditional and unconditional jumps, which are edges of the graph. */
export function translate(
  i: Instruction,
  status: Status,
  out: Output,
  flashByte: (address: number) => number,
): Translated {
  return new Translator(i, status, out, flashByte).run();
}

class Translator {
  private readonly i: Instruction;
  private readonly status: Status;
  private readonly out: Output;
  private readonly flashByte: (address: number) => number;
  /** Assignments that wait until nothing can leave any more. */
  private readonly commits: string[] = [];
  /** Registers that autoincrement has moved already, by the name of their new value. */
  private readonly moved = new Map<number, string>();

  constructor(i: Instruction, status: Status, out: Output, flashByte: (address: number) => number) {
    this.i = i;
    this.status = status;
    this.out = out;
    this.flashByte = flashByte;
  }

  run(): Translated {
    const { i } = this;
    if (isTwoOperand(i)) return this.twoOperands();
    if (i.code === operation.PUSH || i.code === operation.CALL) return this.push();
    return this.oneOperand();
  }

  private get mask(): string {
    return this.i.byte ? '255' : '65535';
  }

  private constant(expression: string): string {
    const name = this.out.name('t');
    this.out.line(`const ${name} = ${expression};`);
    return name;
  }

  private register(index: number): string {
    return this.moved.get(index) ?? this.out.register(index, false);
  }

  private set(register: number, value: string): void {
    const even = register === SP ? ' & 65534' : '';
    this.out.line(`${this.out.register(register, true)} = ${value}${even};`);
  }

  private commit(): void {
    for (const line of this.commits) this.out.line(line);
    this.commits.length = 0;
    if (accessesRegister(this.i)) {
      this.out.line(`cpu.budget = b; cpu.instructionAddress = ${this.i.pc}; R[0] = ${this.i.next};`);
    }
  }

  // ---- operands

  /** The source's value; reads of peripherals come last and are therefore given as an expression, not computed yet. */
  private source(): string {
    const { i } = this;
    switch (i.sourceMode) {
      case sourceMode.register:
        return this.constant(this.registerValue(i.sourceRegister));
      case sourceMode.value:
        return String(i.sourceOperand & Number(this.mask));
      default:
        return this.sourceLocation(false).read;
    }
  }

  private registerValue(index: number): string {
    const value = index === SR ? statusWord(this.status) : index === CG2 ? '0' : this.register(index);
    return this.i.byte ? `${value} & 255` : value;
  }

  private sourceLocation(writes: boolean): Location {
    const { i } = this;
    if (i.sourceMode === sourceMode.absolute) return this.absolute(i.sourceOperand);
    const base = this.out.register(i.sourceRegister, false);
    const offset = i.sourceMode === sourceMode.indexed ? i.sourceOperand : 0;
    const location = this.dynamic(base, offset, writes);
    if (i.sourceMode === sourceMode.autoincrement) {
      const step = i.byte && i.sourceRegister !== SP ? 1 : 2;
      const after = this.constant(`${base} + ${step} & 65535`);
      this.moved.set(i.sourceRegister, after);
      this.commits.push(`${this.out.register(i.sourceRegister, true)} = ${after};`);
    }
    return location;
  }

  /** A memory operand whose address is known: RAM, flash or a register. */
  private absolute(address: number): Location {
    const { byte } = this.i;
    switch (placeOf(address, byte)) {
      case 'ram':
        return ram(byte, String(byte ? address - 0x200 : (address - 0x200) >> 1));
      case 'flash': {
        const value = this.flashByte(address) | (byte ? 0 : this.flashByte(address + 1) << 8);
        return { read: String(value), write: () => '' };
      }
      default: {
        const kind = byte ? 'Byte' : 'Word';
        return {
          read: `memory.read${kind}(${address})`,
          write: (value) => `memory.write${kind}(${address}, ${value});`,
        };
      }
    }
  }

  /** A memory operand whose address is known at run time only. What is written has to be RAM. */
  private dynamic(base: string, offset: number, writes: boolean): Location {
    const { byte } = this.i;
    const { out, status } = this;
    // Relative to RAM, so that one comparison tells whether it is inside, and for words whether it is even too.
    const at = out.name('a');
    out.line(`const ${at} = ${base} + ${(offset - 0x200) & 0xffff} & 65535;`);
    const inRam = byte ? `${at} < 512` : `(${at} & 65025) === 0`;
    const location = ram(byte, byte ? at : `${at} >> 1`);
    if (writes) {
      out.line(`if (!(${inRam})) ${out.leave(status)}`);
      return location;
    }
    const value = out.name('t');
    const inFlash = byte ? `${at} >= 48640` : `${at} >= 48640 && (${at} & 1) === 0`;
    const fromFlash = byte ? `flash[${at} - 48640]` : `flash16[${at} - 48640 >> 1]`;
    out.line(`let ${value} = 0;`);
    out.line(`if (${inRam}) ${value} = ${location.read};`);
    out.line(`else if (${inFlash}) ${value} = ${fromFlash};`);
    out.line(`else ${out.leave(status)}`);
    return { read: value, write: location.write };
  }

  private destinationLocation(): Location {
    const { i } = this;
    if (i.destinationMode === destinationMode.absolute) return this.absolute(i.destinationOperand);
    return this.dynamic(this.register(i.destinationRegister), i.destinationOperand, !readsOnly(i));
  }

  // ---- instructions

  private twoOperands(): Translated {
    const { i } = this;
    if (setsCarryOnly(i)) {
      const { zn, v } = this.status;
      return { status: { zn, v, c: i.code === operation.BIS ? '65536' : '0' } };
    }
    const sourceExpression = this.source();
    if (isBranch(i)) {
      this.commit();
      return { status: this.status, target: this.constant(sourceExpression) };
    }
    if (i.destinationMode === destinationMode.register) return this.toRegister(sourceExpression);
    const location = this.destinationLocation();
    this.commit();
    const source = this.constant(sourceExpression);
    const before = i.code === operation.MOV ? '' : this.constant(location.read);
    const { value, status } = this.compute(source, before);
    if (!readsOnly(i)) this.out.line(location.write(value));
    return { status };
  }

  private toRegister(sourceExpression: string): Translated {
    const { i } = this;
    const register = i.destinationRegister;
    this.commit();
    if (register === CG2) return { status: this.status };
    const source = this.constant(sourceExpression);
    const before = i.code === operation.MOV ? '' : this.constant(this.currentValue(register));
    const { value, status } = this.compute(source, before);
    if (!readsOnly(i)) this.set(register, value);
    return { status };
  }

  /** After the commits a moved register has its new value, too. */
  private currentValue(register: number): string {
    return this.i.byte ? `${this.out.register(register, false)} & 255` : this.out.register(register, false);
  }

  /** The result of a two-operand instruction and the status after it. */
  private compute(s: string, d: string): { value: string; status: Status } {
    const { status, mask } = this;
    const { byte } = this.i;
    const { MOV, ADD, ADDC, SUBC, SUB, CMP, DADD, BIC, BIS, XOR } = operation;
    switch (this.i.code) {
      case MOV:
        return { value: s, status };
      case BIC:
        return { value: this.constant(`${d} & ~${s}`), status };
      case BIS:
        return { value: this.constant(`${d} | ${s}`), status };
      case ADD:
        return this.sum(s, d, `${d} + ${s}`);
      case ADDC:
        return this.sum(s, d, `${d} + ${s} + ${carryBit(status)}`);
      case SUBC: {
        const inverted = this.constant(`${s} ^ ${mask}`);
        return this.sum(inverted, d, `${d} + ${inverted} + ${carryBit(status)}`);
      }
      case SUB:
      case CMP:
        return this.difference(s, d);
      case DADD: {
        const packed = this.constant(`dadd(${s}, ${d}, ${carryBit(status)}, ${mask})`);
        const value = this.constant(`${packed} & 65535`);
        return { value, status: { zn: top(value, byte), c: packed, v: status.v } };
      }
      case XOR: {
        const value = this.constant(`${s} ^ ${d}`);
        return { value, status: { ...logical(value, byte), v: byte ? `(${s} & ${d}) << 8` : `${s} & ${d}` } };
      }
      default: {
        const value = this.constant(`${s} & ${d}`);
        return { value, status: logical(value, byte) };
      }
    }
  }

  private sum(s: string, d: string, expression: string): { value: string; status: Status } {
    const { byte } = this.i;
    const sum = this.constant(expression);
    const value = this.constant(`${sum} & ${this.mask}`);
    const overflow = `(${s} ^ ${value}) & (${d} ^ ${value})`;
    return {
      value,
      status: {
        zn: top(value, byte),
        c: byte ? `${sum} << 8` : sum,
        v: byte ? `(${overflow}) << 8` : overflow,
        isZero: `${value} === 0`,
      },
    };
  }

  private difference(s: string, d: string): { value: string; status: Status } {
    const { byte } = this.i;
    const shift = byte ? 24 : 16;
    const value = this.constant(`${d} - ${s} & ${this.mask}`);
    const overflow = `(${s} ^ ${d}) & (${d} ^ ${value})`;
    return {
      value,
      status: {
        zn: top(value, byte),
        c: byte ? `${d} - ${s} + 256 << 8` : `${d} - ${s} + 65536`,
        v: byte ? `(${overflow}) << 8` : overflow,
        isZero: `${d} === ${s}`,
        isCarry: `${d} >= ${s}`,
        isGreaterOrEqual: `${d} << ${shift} >= ${s} << ${shift}`,
      },
    };
  }

  private oneOperand(): Translated {
    const { i } = this;
    if (i.sourceMode === sourceMode.register) {
      const source = this.constant(this.registerValue(i.sourceRegister));
      const { value, status } = this.shift(source);
      this.set(i.sourceRegister, value);
      return { status };
    }
    const location = this.sourceLocation(true);
    this.commit();
    const source = this.constant(location.read);
    const { value, status } = this.shift(source);
    this.out.line(location.write(value));
    return { status };
  }

  /** RRC, RRA, SXT and SWPB. */
  private shift(s: string): { value: string; status: Status } {
    const { status } = this;
    const { byte } = this.i;
    switch (this.i.code) {
      case operation.SWPB:
        return { value: this.constant(`${s} >> 8 | (${s} & 255) << 8`), status };
      case operation.SXT: {
        const value = this.constant(`${s} << 24 >> 24 & 65535`);
        return { value, status: logical(value, false) };
      }
      default: {
        const shiftedIn =
          this.i.code === operation.RRC ? `${carryBit(status)} << ${byte ? 7 : 15}` : `${s} & ${byte ? 128 : 32768}`;
        const value = this.constant(`${s} >> 1 | ${shiftedIn}`);
        return { value, status: { zn: top(value, byte), c: `${s} << 16`, v: '0', isZero: `${value} === 0` } };
      }
    }
  }

  /** PUSH and CALL. */
  private push(): Translated {
    const { i, status } = this;
    const source = this.source();
    const isCall = i.code === operation.CALL;
    const stack = this.dynamic(this.register(SP), 0xfffe, true);
    const pointer = this.constant(`${this.register(SP)} - 2 & 65535`);
    this.commit();
    const value = this.constant(source);
    this.out.line(stack.write(isCall ? String(i.next) : value));
    this.out.line(`${this.out.register(SP, true)} = ${pointer};`);
    return isCall ? { status, target: value } : { status };
  }
}

function ram(byte: boolean, index: string): Location {
  const name = byte ? 'ram' : 'ram16';
  return { read: `${name}[${index}]`, write: (value) => `${name}[${index}] = ${value};` };
}

/** A value with its sign in bit 31. */
function top(value: string, byte: boolean): string {
  return `${value} << ${byte ? 24 : 16}`;
}

function logical(value: string, byte: boolean): Status {
  return {
    zn: top(value, byte),
    c: `${value} + 65535`,
    v: '0',
    isZero: `${value} === 0`,
    isCarry: `${value} !== 0`,
  };
}
