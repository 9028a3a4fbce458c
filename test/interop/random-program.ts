/**
 * Random MSP430 programs that are defined to the last bit: every case sets status and operands itself, word operands are
 * aligned, memory operands lie in the first 128 bytes of RAM, flags are kept in the rest, and nothing sleeps. GIE may be
 * set: no peripheral asks.
 *
 * Cases: two and one operands in every addressing mode, DADD on digits, all jumps, PC, SP, SR and R3 as operands, branches
 * and calls in every mode, PUSH, RETI, POP. Same seed, same program. `vUnknown` marks the steps after which the manual
 * leaves V undefined (DADD).
 */

/** xorshift32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

export interface RandomProgram {
  readonly words: readonly number[];
  /** Instructions from the start to the end. */
  readonly steps: number;
  /** Indices of steps after which V is not defined. */
  readonly vUnknown: ReadonlySet<number>;
}

const corners = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x0999, 0x9999, 0x1234];
const lastAddress = 0xf000;
/** The flags and all mode bits but CPUOFF. */
const statusBits = 0x1ef;
const stackTop = 0x280;
const ringStart = 0x280;
const ringLength = 0x180;
const NOP = 0x4303;
const DADD = 10;

export function randomProgram(seed: number, cases: number): RandomProgram {
  const builder = new Builder(new Random(seed));
  for (let index = 0; index < cases && builder.address < lastAddress; index++) builder.addCase();
  return { words: builder.words, steps: builder.steps, vUnknown: builder.vUnknown };
}

class Builder {
  readonly words: number[] = [];
  readonly vUnknown = new Set<number>();
  steps = 0;
  private ringOffset = 0;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
    // The watchdog would reset the chip on the way.
    this.add(0x40b2, 0x5a80, 0x0120);
    this.load(1, stackTop);
    for (let register = 4; register < 16; register++) this.load(register, this.value());
    // RAM is not defined at power-on.
    for (let address = 0x200; address < 0x400; address += 2) this.add(0x40b2, this.value(), address);
  }

  get address(): number {
    return 0xc000 + 2 * this.words.length;
  }

  addCase(): void {
    const kind = this.random.below(14);
    if (kind < 6) this.twoOperands();
    else if (kind < 8) this.oneOperand();
    else if (kind < 9) this.jump();
    else if (kind < 10) this.branch();
    else if (kind < 12) this.specialRegister();
    else this.stack();
    this.keepStatus();
  }

  /** Every other time the flags go to a ring in RAM, where a wrong one is still seen many instructions later. */
  private keepStatus(): void {
    if (this.random.below(2) === 0 || this.vUnknown.has(this.steps - 1)) return;
    this.add(0x4282, ringStart + this.ringOffset);
    this.ringOffset = (this.ringOffset + 2) % ringLength;
  }

  private add(...words: number[]): void {
    this.words.push(...words);
    this.steps++;
  }

  private value(): number {
    return this.random.below(3) === 0 ? this.random.pick(corners) : this.random.below(0x10000);
  }

  private load(register: number, value: number): void {
    this.add(0x4030 | register, value);
  }

  private loadStatus(): void {
    this.load(2, this.random.below(0x200) & statusBits);
  }

  /** A RAM address that leaves room for offsets and increments; odd only for bytes. */
  private pointer(byte: boolean): number {
    return 0x220 + (byte ? this.random.below(0x40) : 2 * this.random.below(0x20));
  }

  private twoOperands(): void {
    const { random } = this;
    const opcode = 4 + random.below(12);
    const byte = random.below(2) === 1;
    if (opcode === DADD) {
      this.decimal(byte);
      return;
    }
    const [source, destination] = [4 + random.below(12), 4 + random.below(12)];
    const toMemory = random.below(2) === 1;
    this.load(destination, toMemory ? this.pointer(byte) : this.value());
    const operand = this.source(source, byte, toMemory && source === destination);
    this.loadStatus();
    const base = (opcode << 12) | (byte ? 0x40 : 0);
    // The word of a symbolic operand depends on where it stands: after opcode and source word.
    const at = this.address + 2 + 2 * operand.words.length;
    const target = toMemory ? this.destination(destination, byte, at) : { register: destination, mode: 0, words: [] };
    const words = operand.words.map((make) => make(this.address + 2));
    this.add(
      base | (operand.register << 8) | (target.mode << 7) | (operand.mode << 4) | target.register,
      ...words,
      ...target.words,
    );
  }

  /** DADD on valid decimal digits, as the manual asks for: in registers, immediate and in memory. */
  private decimal(byte: boolean): void {
    const { random } = this;
    const [source, destination] = [4 + random.below(6), 10 + random.below(6)];
    const [from, to] = [this.pointer(byte), this.pointer(byte)];
    const [sourceMode, toMemory] = [random.below(3), random.below(2)];
    this.load(source, sourceMode === 2 ? from : this.digits());
    this.load(destination, this.digits());
    this.add(0x40b2, this.digits(), from & 0xfffe);
    this.add(0x40b2, this.digits(), to & 0xfffe);
    this.loadStatus();
    const base = (DADD << 12) | (byte ? 0x40 : 0);
    const [register, mode, words] = [
      [source, 0, []],
      [0, 3, [this.digits()]],
      [source, 2, []],
    ][sourceMode] as [number, number, number[]];
    // V is undefined until status is loaded again, which takes the next case a few instructions.
    for (let step = this.steps; step < this.steps + 7; step++) this.vUnknown.add(step);
    if (toMemory === 1) this.add(base | (register << 8) | 0x80 | (mode << 4) | 2, ...words, to);
    else this.add(base | (register << 8) | (mode << 4) | destination, ...words);
  }

  private digits(): number {
    let value = 0;
    for (let digit = 0; digit < 4; digit++) value = (value << 4) | this.random.below(10);
    return value;
  }

  private source(register: number, byte: boolean, pointerKept: boolean): Operand {
    const { random } = this;
    const mode = random.below(8);
    const memory = mode >= 1 && mode <= 3;
    if (memory && !pointerKept) this.load(register, this.pointer(byte));
    else if (mode === 0 && !pointerKept && random.below(2) === 0) this.load(register, this.value());
    switch (mode) {
      case 0:
        return { register, mode: 0, words: [] };
      case 1: {
        const offset = this.offset(byte);
        return { register, mode: 1, words: [() => offset] };
      }
      case 2:
        return { register, mode: 2, words: [] };
      case 3:
        return { register, mode: 3, words: [] };
      case 4: {
        const value = this.value();
        return { register: 0, mode: 3, words: [() => value] };
      }
      case 5: {
        const [constantRegister, constantMode] = random.pick(constants);
        return { register: constantRegister, mode: constantMode, words: [] };
      }
      case 6: {
        const address = this.pointer(byte);
        return { register: 2, mode: 1, words: [() => address] };
      }
      default: {
        const address = this.pointer(byte);
        return { register: 0, mode: 1, words: [(at) => (address - at) & 0xffff] };
      }
    }
  }

  private offset(byte: boolean): number {
    const offset = this.random.below(64) - 32;
    return (byte ? offset : offset & ~1) & 0xffff;
  }

  private destination(
    register: number,
    byte: boolean,
    at: number,
  ): { register: number; mode: number; words: number[] } {
    switch (this.random.below(3)) {
      case 0:
        return { register: 2, mode: 1, words: [this.pointer(byte)] };
      case 1:
        return { register: 0, mode: 1, words: [(this.pointer(byte) - at) & 0xffff] };
      default:
        // The source may be the same register and have moved by one byte: bytes may go anywhere, words not.
        return { register, mode: 1, words: [this.offset(byte)] };
    }
  }

  private oneOperand(): void {
    const { random } = this;
    const code = random.pick([0, 1, 2, 3, 4]);
    const byte = (code === 0 || code === 2 || code === 4) && random.below(2) === 1;
    const register = 4 + random.below(12);
    const mode = random.below(4);
    this.load(register, mode === 0 ? this.value() : this.pointer(byte));
    this.loadStatus();
    const words = mode === 1 ? [this.offset(byte)] : [];
    this.add(0x1000 | (code << 7) | (byte ? 0x40 : 0) | (mode << 4) | register, ...words);
    if (code !== 4) return;
    this.load(1, stackTop);
  }

  /** A jump over two NOPs, taken or not. */
  private jump(): void {
    this.loadStatus();
    const condition = this.random.below(8);
    const status = this.words.at(-1)!;
    this.add(0x2000 | (condition << 10) | 2);
    const taken = jumps(condition, status);
    this.words.push(0x4303, 0x4303);
    if (!taken) this.steps += 2;
  }

  /** MOV to PC or CALL to the next case, in every addressing mode; ADD to PC over a NOP. */
  private branch(): void {
    const { random } = this;
    const call = random.below(2) === 1;
    const register = 4 + random.below(12);
    const pointer = this.pointer(false);
    const mode = random.below(7);
    this.load(register, mode === 2 || mode === 3 ? pointer : mode === 4 ? (pointer - 6) & 0xffff : 0);
    this.loadStatus();
    if (mode === 6) {
      this.add(0x5320);
      this.words.push(NOP);
      return;
    }
    const to = (words: number) => this.address + 2 * words;
    // Where the target is kept in memory it is written first, by an instruction of three words.
    const inMemory = mode === 2 || mode === 3 || mode === 4 || mode === 5;
    if (mode === 1) this.load(register, to(3));
    if (inMemory) this.add(0x40b2, to(mode < 4 ? 4 : 5), pointer);
    const [code, extension] = this.branchOperand(mode, register, pointer, call);
    this.add(code, ...extension);
    if (call) this.load(1, stackTop);
  }

  private branchOperand(mode: number, register: number, pointer: number, call: boolean): [number, number[]] {
    const base = (from: number, as: number) => (call ? 0x1280 | (as << 4) | from : 0x4000 | (from << 8) | (as << 4));
    switch (mode) {
      case 0:
        return [base(0, 3), [this.address + 4]];
      case 1:
        return [base(register, 0), []];
      case 2:
        return [base(register, 2), []];
      case 3:
        return [base(register, 3), []];
      case 4:
        return [base(register, 1), [6]];
      default:
        return this.random.below(2) === 0
          ? [base(2, 1), [pointer]]
          : [base(0, 1), [(pointer - this.address - 2) & 0xffff]];
    }
  }

  /** PC, SP and SR read; SP, SR and R3 written; words at and above SP. */
  private specialRegister(): void {
    const { random } = this;
    const general = 4 + random.below(12);
    const opcode = random.pick([4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]);
    this.load(general, this.value());
    this.load(1, 0x240 + 2 * random.below(16));
    this.loadStatus();
    const value = this.value();
    switch (random.below(8)) {
      case 0:
        this.add((opcode << 12) | (random.below(2) << 6) | general);
        break;
      case 1:
        this.add((opcode << 12) | (random.pick([1, 2]) << 8) | (random.below(2) << 6) | general);
        break;
      case 2:
        this.add((opcode << 12) | 0x0120 | general);
        break;
      case 3:
        this.add((opcode << 12) | 0x0130 | general);
        break;
      case 4:
        this.add((opcode << 12) | 0x0110 | general, 2 * random.below(8));
        break;
      case 5:
        // MOV, BIC, BIS: the others set flags and write SR at once, of which the manual says nothing.
        this.add(random.pick([0x4032, 0xc032, 0xd032]), value & statusBits);
        break;
      case 6:
        this.add(0x4033 | (random.below(2) << 6), value);
        break;
      default:
        this.add(random.pick([0x5031, 0x8031]), 2 * random.below(16));
    }
    this.load(1, stackTop);
  }

  /** PUSH of anything, RETI to the next instruction, POP. */
  private stack(): void {
    const { random } = this;
    const general = 4 + random.below(12);
    const pointer = this.pointer(false);
    this.load(general, pointer);
    this.loadStatus();
    switch (random.below(8)) {
      case 0:
        this.add(0x1230, this.value());
        break;
      case 1:
        this.add(0x1200 | random.pick([1, 2, general]));
        break;
      case 2:
        // 0, 1, 2 and -1; 4 and 8 hit an erratum.
        this.add(random.pick([0x1203, 0x1213, 0x1223, 0x1233]));
        break;
      case 3:
        this.add(random.pick([0x1220, 0x1230]) | general);
        break;
      case 4:
        this.add(0x1210 | general, this.offset(false));
        break;
      case 5:
        this.add(0x1212, pointer);
        break;
      case 6: {
        const after = this.address + 10;
        this.add(0x1230, after);
        this.add(0x1230, random.below(0x200) & statusBits);
        this.add(0x1300);
        break;
      }
      default:
        this.add(0x1230, this.value());
        this.add(0x4130 | (4 + random.below(12)));
    }
    this.load(1, stackTop);
  }
}

interface Operand {
  readonly register: number;
  readonly mode: number;
  /** Extension words, which may depend on their own address. */
  readonly words: readonly ((at: number) => number)[];
}

/** Register and mode of the constants 4, 8, 0, 1, 2 and -1. */
const constants = [
  [2, 2],
  [2, 3],
  [3, 0],
  [3, 1],
  [3, 2],
  [3, 3],
] as const;

function jumps(condition: number, status: number): boolean {
  const [c, z, n, v] = [status & 1, (status >> 1) & 1, (status >> 2) & 1, (status >> 8) & 1];
  return [z === 0, z === 1, c === 0, c === 1, n === 1, n === v, n !== v, true][condition]!;
}
