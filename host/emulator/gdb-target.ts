/**
 * The chip as a debugger sees it: registers, memory, flash as a programmer treats it, breakpoints and watchpoints.
 *
 * Writing flash clears bits, as in silicon: erase first. Info A keeps its calibration when everything is erased. Any
 * number of breakpoints and watchpoints; while there are none the chip runs at full speed.
 */

import { nextAccesses } from './gdb-access.ts';
import type { Mcu } from './mcu.ts';
import type { ExecutionObserver } from './observer.ts';

/** What the codes of Z packets stand for. */
export const pointKinds = ['software', 'hardware', 'watch', 'rwatch', 'awatch'] as const;
export type PointKind = (typeof pointKinds)[number];
export type WatchKind = 'watch' | 'rwatch' | 'awatch';

interface Watch {
  readonly kind: WatchKind;
  readonly address: number;
  readonly bytes: number;
}

export interface WatchHit {
  readonly kind: WatchKind;
  readonly address: number;
}

export const flashRegions = [
  { start: 0x1000, bytes: 0xc0, segment: 64 },
  { start: 0xc000, bytes: 0x4000, segment: 512 },
] as const;
export const infoA = { start: 0x10c0, bytes: 0x40, segment: 64 } as const;
const REGISTERS_END = 0x200;
const RAM_END = 0x400;

export class GdbTarget implements ExecutionObserver {
  readonly mcu: Mcu;
  /** True when a breakpoint or watchpoint stopped the run; until `resume`. */
  halted = false;
  /** The watchpoint that did it. */
  hit: WatchHit | undefined;

  private readonly breakpoints = new Map<string, number>();
  private watches: Watch[] = [];
  private breakAddresses: ReadonlySet<number> = new Set();
  private touched: WatchHit | undefined;
  /** A run begins with the instruction at which the last one stopped, breakpoint or not. */
  private passing: number | undefined;
  private detach: (() => void) | undefined;

  constructor(mcu: Mcu) {
    this.mcu = mcu;
  }

  // ---- running

  resume(): void {
    this.halted = false;
    this.hit = undefined;
    this.passing = this.mcu.registers[0]!;
  }

  /** One instruction; an interrupt that is due is accepted instead. */
  step(): void {
    this.resume();
    this.mcu.step();
  }

  instruction(pc: number): boolean {
    if (this.breakAddresses.has(pc) && this.passing !== pc) {
      this.halted = true;
      return true;
    }
    this.passing = undefined;
    if (this.watches.length > 0) this.touched = this.watchHit();
    return false;
  }

  executed(): void {
    if (this.touched === undefined) return;
    this.hit = this.touched;
    this.touched = undefined;
    this.halted = true;
    this.mcu.stop();
  }

  // ---- breakpoints

  set(kind: PointKind, address: number, bytes: number): void {
    if (kind === 'software' || kind === 'hardware') this.breakpoints.set(`${kind} ${address}`, address);
    else {
      this.clear(kind, address, bytes);
      this.watches.push({ kind, address, bytes });
    }
    this.follow();
  }

  clear(kind: PointKind, address: number, bytes: number): void {
    this.breakpoints.delete(`${kind} ${address}`);
    this.watches = this.watches.filter(
      (watch) => watch.kind !== kind || watch.address !== address || watch.bytes !== bytes,
    );
    this.follow();
  }

  clearAll(): void {
    this.breakpoints.clear();
    this.watches = [];
    this.follow();
  }

  private follow(): void {
    this.breakAddresses = new Set(this.breakpoints.values());
    const wanted = this.breakpoints.size > 0 || this.watches.length > 0;
    if (wanted) this.detach ??= this.mcu.observe(this);
    else {
      this.detach?.();
      this.detach = undefined;
    }
  }

  private watchHit(): WatchHit | undefined {
    for (const access of nextAccesses(this.mcu)) {
      for (const { kind, address, bytes } of this.watches) {
        const overlaps = access.address < address + bytes && address < access.address + access.bytes;
        const matters = kind === 'awatch' || (kind === 'watch' ? access.writes : access.reads);
        if (overlaps && matters) return { kind, address: Math.max(address, access.address) };
      }
    }
    return undefined;
  }

  // ---- memory

  read(address: number, bytes: number): Uint8Array {
    return Uint8Array.from({ length: bytes }, (_, index) => this.mcu.peek(address + index));
  }

  /** False when there is nothing to write to. Peripheral registers are written as by the CPU. */
  write(address: number, data: Uint8Array): boolean {
    for (let index = 0; index < data.length; ) {
      const at = address + index;
      const pair = at >= 0x100 && at < REGISTERS_END && (at & 1) === 0 && index + 1 < data.length;
      if (pair) this.mcu.bus.writeWord(at, data[index]! | (data[index + 1]! << 8));
      else if (!this.writeByte(at, data[index]!)) return false;
      index += pair ? 2 : 1;
    }
    return true;
  }

  private writeByte(address: number, value: number): boolean {
    const { mcu } = this;
    if (address < 0 || address > 0xffff) return false;
    if (address < REGISTERS_END) mcu.bus.writeByte(address, value);
    else if (address < RAM_END) mcu.poke(address, Uint8Array.of(value));
    else if (isFlash(address)) mcu.poke(address, Uint8Array.of(mcu.peek(address) & value));
    else return false;
    return true;
  }

  /** Erases whole segments; false when the range is none or not flash. */
  erase(address: number, bytes: number): boolean {
    const region = [...flashRegions, infoA].find(
      ({ start, bytes: size }) => address >= start && address < start + size,
    );
    if (region === undefined || bytes <= 0 || address + bytes > region.start + region.bytes) return false;
    if (address % region.segment !== 0 || bytes % region.segment !== 0) return false;
    this.mcu.poke(address, new Uint8Array(bytes).fill(0xff));
    return true;
  }

  /** Main flash; with `info` info B, C and D too. */
  eraseMain(info: boolean): void {
    this.erase(0xc000, 0x4000);
    if (info) this.erase(0x1000, 0xc0);
  }

  reset(): void {
    this.mcu.reset('power_on');
    this.halted = false;
    this.hit = undefined;
  }
}

function isFlash(address: number): boolean {
  return [...flashRegions, infoA].some(({ start, bytes }) => address >= start && address < start + bytes);
}
