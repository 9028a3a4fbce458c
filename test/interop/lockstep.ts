/**
 * Earl and `mspdebug sim` in lockstep: a run on Earl is recorded step by step together with the commands that make
 * mspdebug do the same, and the two are compared after every step: R0-R15 and a window of RAM.
 *
 * mspdebug has no peripherals: what a program reads from a register goes to mspdebug's memory first, and an interrupt
 * that Earl accepts is written into its registers and stack. An instruction that reads a byte register cannot be
 * compared (see mspdebug-sim.ts): its outcome is handed over, and it is not counted.
 */

import type { ImageSegment } from '../../host/emulator/image/image.ts';
import type { Mcu } from '../../host/emulator/mcu.ts';
import type { RegisterFile } from '../../host/emulator/register-file.ts';
import { MspdebugOutput, runMspdebug } from './mspdebug-sim.ts';

export const ramStart = 0x200;
const ramLength = 0x200;
const overflow = 0x100;

export interface RecordedStep {
  /** Address of the instruction and its three words. */
  readonly pc: number;
  readonly words: readonly [number, number, number];
  /** Before and after, R0-R15. */
  readonly before: Uint16Array;
  readonly after: Uint16Array;
  /** RAM before and after, all of it. */
  readonly ramBefore: Uint8Array;
  readonly ramAfter: Uint8Array;
  /** False: handed over instead of compared. */
  readonly compared: boolean;
  /** The manual leaves V open. */
  readonly overflowUnknown: boolean;
  /** Address of a byte of RAM that the manual leaves open: the high byte of a PUSH.B. -1: none. */
  readonly unknownByte: number;
  /** Earl's time after it, in DCO cycles, and its instructions since power-on. */
  readonly at: number;
  readonly instructions: number;
}

export interface Difference {
  readonly step: RecordedStep;
  readonly index: number;
  /** What differs, for people. */
  readonly message: string;
}

export interface LockstepOptions {
  readonly steps: number;
  /** Bytes of RAM from 0x200 that are compared after every step; all of it is compared at the end. */
  readonly window: number;
  /** Steps after which V is not defined. */
  readonly overflowUnknown?: ReadonlySet<number>;
}

/** A run recorded on Earl, to be repeated by mspdebug. */
export class Lockstep {
  readonly steps: RecordedStep[] = [];
  private readonly commands: string[] = [];
  private readonly segments: ImageSegment[];
  private readonly mcu: Mcu;
  private readonly options: LockstepOptions;
  private byteRead = false;

  /** @param mcu reset and not run yet */
  constructor(mcu: Mcu, options: LockstepOptions) {
    this.mcu = mcu;
    this.options = options;
    this.segments = [
      { address: ramStart, data: ram(mcu) },
      { address: 0x1000, data: memory(mcu, 0x1000, 0x100) },
      { address: 0xc000, data: memory(mcu, 0xc000, 0x4000) },
    ];
    mcu.registers.forEach((value, index) => {
      this.commands.push(`set ${index} ${value}`);
    });
    const unhook = this.hookRegisters();
    let before = ram(mcu);
    // A chip that waits for something that never comes ends the recording early.
    for (let idle = 0; this.steps.length < options.steps && idle < 10_000; ) {
      const after = this.record(before);
      idle = after === undefined ? idle + 1 : 0;
      before = after ?? before;
    }
    this.commands.push(`md ${ramStart} ${ramLength}`);
    unhook();
  }

  /** Steps that count as compared. */
  get compared(): number {
    return this.steps.reduce((sum, step) => sum + (step.compared ? 1 : 0), 0);
  }

  /** Lets mspdebug run it; resolves with the first difference. */
  async compare(): Promise<Difference | undefined> {
    const output = new MspdebugOutput(await runMspdebug(this.segments, this.commands));
    const { window } = this.options;
    for (const [index, step] of this.steps.entries()) {
      if (!step.compared) continue;
      const state = output.state();
      if (state === undefined) throw new Error(`mspdebug stopped before step ${index}`);
      const message = registersDiffer(step, state) ?? ramDiffers(step.ramAfter, output.dump(window), step.unknownByte);
      if (message !== undefined) return { step, index, message };
    }
    const last = this.steps.at(-1);
    const message = last && ramDiffers(last.ramAfter, output.dump(ramLength));
    return message === undefined || last === undefined
      ? undefined
      : { step: last, index: this.steps.length - 1, message: `at the end ${message}` };
  }

  /** One step of Earl; RAM after it, or undefined when only time passed. */
  private record(ramBefore: Uint8Array): Uint8Array | undefined {
    const { mcu, steps } = this;
    const before = mcu.registers.slice();
    const pc = before[0]!;
    const words = [mcu.peekWord(pc), mcu.peekWord(pc + 2), mcu.peekWord(pc + 4)] as const;
    const { instructions } = mcu;
    const reads = this.commands.length;
    this.byteRead = false;
    mcu.step();
    const after = mcu.registers.slice();
    if (mcu.instructions === instructions) {
      if (after.join() === before.join()) return undefined;
      this.handOver(after, ram(mcu), ramBefore);
      return ram(mcu);
    }
    if (mcu.instructions !== instructions + 1) throw new Error('a step was more than one instruction');
    const ramAfter = ram(mcu);
    const compared = !this.byteRead;
    const overflowUnknown = this.options.overflowUnknown?.has(steps.length) === true;
    const pushedByte = (words[0] & 0xffc0) === 0x1240;
    const unknownByte = pushedByte ? after[1]! + 1 : -1;
    const at = mcu.scheduler.now;
    steps.push({
      pc,
      words,
      before,
      after,
      ramBefore,
      ramAfter,
      compared,
      overflowUnknown,
      unknownByte,
      at,
      instructions: instructions + 1,
    });
    if (compared) {
      this.commands.push('step', `md ${ramStart} ${this.options.window}`);
      if (pushedByte) this.commands.push(poke(after[1]!, mcu.peek(after[1]!), mcu.peek(unknownByte)));
    } else {
      this.commands.length = reads;
      this.handOver(after, ramAfter, ramBefore);
    }
    return ramAfter;
  }

  /** Puts mspdebug into the state that Earl is in. */
  private handOver(registers: Uint16Array, now: Uint8Array, before: Uint8Array): void {
    registers.forEach((value, index) => {
      if (index !== 3) this.commands.push(`set ${index} ${value}`);
    });
    for (let offset = 0; offset < ramLength; offset += 2) {
      if (now[offset] === before[offset] && now[offset + 1] === before[offset + 1]) continue;
      this.commands.push(poke(ramStart + offset, now[offset]!, now[offset + 1]!));
    }
  }

  /** Notes what the program reads from registers. */
  private hookRegisters(): () => void {
    const file = this.mcu.bus as RegisterFile;
    const { readByte, readWord } = file;
    file.readByte = (address) => {
      this.byteRead = true;
      return readByte.call(file, address);
    };
    file.readWord = (address) => {
      const value = readWord.call(file, address);
      this.commands.push(poke(address, value & 0xff, value >> 8));
      return value;
    };
    return () => Object.assign(file, { readByte, readWord });
  }
}

function registersDiffer(step: RecordedStep, theirs: Uint16Array): string | undefined {
  for (let index = 0; index < 16; index++) {
    const mask = index === 2 && step.overflowUnknown ? ~overflow : ~0;
    const [ours, other] = [step.after[index]! & mask, theirs[index]! & mask];
    // R3 of mspdebug is a register; on the chip nothing keeps what is written to it.
    if (index !== 3 && ours !== other) return `R${index}: Earl ${hex(ours)}, mspdebug ${hex(other)}`;
  }
  return undefined;
}

function ramDiffers(ours: Uint8Array, theirs: Uint8Array, unknownByte = -1): string | undefined {
  for (let offset = 0; offset < theirs.length; offset++) {
    if (ours[offset] !== theirs[offset] && ramStart + offset !== unknownByte) {
      return `RAM ${hex(ramStart + offset)}: Earl ${hex(ours[offset]!)}, mspdebug ${hex(theirs[offset]!)}`;
    }
  }
  return undefined;
}

/** All RAM. */
export function ram(mcu: Mcu): Uint8Array {
  return memory(mcu, ramStart, ramLength);
}

function memory(mcu: Mcu, start: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => mcu.peek(start + index));
}

/** The command that writes two bytes, which mspdebug takes as hexadecimal. */
function poke(address: number, low: number, high: number): string {
  return `mw ${address} ${low.toString(16)} ${high.toString(16)}`;
}

/** `0x12ab`. */
export function hex(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}
