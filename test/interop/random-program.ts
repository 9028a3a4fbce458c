/**
 * Random straight-line MSP430 programs that are defined to the last bit: every case sets status and operands itself, word
 * operands are aligned, memory operands lie in RAM, and nothing sleeps or enables interrupts.
 *
 * Same seed, same program. `vUnknown` marks the steps after which the manual leaves V undefined (DADD).
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
const statusFlags = 0x107;
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
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
    this.load(1, 0x0300);
    for (let register = 4; register < 16; register++) this.load(register, this.value());
    // RAM is not defined at power-on.
    for (let address = 0x200; address < 0x400; address += 2) this.add(0x40b2, this.value(), address);
  }

  get address(): number {
    return 0xc000 + 2 * this.words.length;
  }

  addCase(): void {
    const kind = this.random.below(10);
    if (kind < 6) this.twoOperands();
    else if (kind < 8) this.oneOperand();
    else if (kind < 9) this.jump();
    else this.stack();
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
    this.load(2, this.random.below(0x200) & statusFlags);
  }

  /** A RAM address that leaves room for offsets and increments; odd only for bytes. */
  private pointer(byte: boolean): number {
    return 0x240 + (byte ? this.random.below(0x180) : 2 * this.random.below(0xc0));
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
    this.load(1, 0x0300);
    // The manual does not say what PUSH.B leaves in the high byte of the stack's word.
    if (byte) this.add(0x43c2, 0x02ff);
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

  /** PUSH with immediates, CALL to the next instruction, RETI to the next instruction, POP. */
  private stack(): void {
    this.loadStatus();
    switch (this.random.below(4)) {
      case 0:
        this.add(0x1230, this.value());
        break;
      case 1:
        this.add(0x12b0, this.address + 4);
        break;
      case 2: {
        const after = this.address + 10;
        this.add(0x1230, after);
        this.add(0x1230, this.random.below(0x200) & statusFlags);
        this.add(0x1300);
        break;
      }
      default:
        this.add(0x1230, this.value());
        this.add(0x4130 | (4 + this.random.below(12)));
    }
    this.load(1, 0x0300);
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
