/**
 * Why the CPU of a chip does not simply run on: a reset that was asked for, a stop, a hold by the flash controller, cycles
 * that the DTC took. And what CPU and memory tell the chip meanwhile. One object for all of it, because a fleet has
 * thousands of chips.
 */

import type { Cpu, CpuHost } from './cpu/cpu.ts';
import { SR, status } from './cpu/cpu.ts';
import { flashStart } from './flash-contents.ts';
import { type ResetKind, type WarningCode, WarningLog, type WarningPlace } from './mcu-options.ts';
import type { McuPeripherals } from './mcu-peripherals.ts';
import { infoEnd, infoStart, type Memory, type MemoryHost } from './memory.ts';
import { Alarm, type AlarmOwner, type Scheduler } from './scheduler.ts';

export class McuControl implements MemoryHost, CpuHost, AlarmOwner, WarningPlace {
  readonly warnings = new WarningLog(this);
  supplyVolts: number;
  temperatureCelsius: number;
  pendingReset: ResetKind | undefined = undefined;
  stopped = false;
  /** The CPU waits until then for the flash controller. */
  heldUntil = 0;
  /** Cycles of MCLK that the CPU owes to the DTC. */
  stolenCycles = 0;
  /** The end of a run. */
  readonly end = new Alarm(this);

  private readonly scheduler: Scheduler;
  // Known only when the chip is complete; nobody asks for them before.
  private cpu: Cpu | undefined = undefined;
  private memory: Memory | undefined = undefined;
  private peripherals: McuPeripherals | undefined = undefined;

  constructor(scheduler: Scheduler, supplyVolts: number, temperatureCelsius: number) {
    this.scheduler = scheduler;
    this.supplyVolts = supplyVolts;
    this.temperatureCelsius = temperatureCelsius;
  }

  /** The chip is complete. */
  connect(cpu: Cpu, memory: Memory, peripherals: McuPeripherals): void {
    this.cpu = cpu;
    this.memory = memory;
    this.peripherals = peripherals;
  }

  /** Forgets what kept the CPU from running. */
  reset(): void {
    this.pendingReset = undefined;
    this.heldUntil = 0;
    this.stolenCycles = 0;
  }

  stop(): void {
    this.stopped = true;
    this.cpu!.interruptRun();
  }

  /** A reset before the next instruction. */
  requestReset(kind: ResetKind): void {
    this.pendingReset = kind;
    this.cpu!.interruptRun();
  }

  /** The flash is busy: holds a CPU that runs from it. */
  hold(until: number): void {
    const pc = this.cpu!.registers[0]!;
    if (pc < flashStart && (pc < infoStart || pc >= infoEnd)) {
      this.memory!.flashBusy = true;
      return;
    }
    this.heldUntil = until;
    this.cpu!.interruptRun();
  }

  /** The DTC halts a CPU that is awake for a cycle. */
  stealCycle(): void {
    const cpu = this.cpu!;
    if ((cpu.registers[SR]! & status.CPUOFF) !== 0) return;
    this.stolenCycles++;
    cpu.interruptRun();
  }

  payStolenCycles(): void {
    const until = this.peripherals!.clock.timeAfterMclk(this.stolenCycles);
    this.stolenCycles = 0;
    if (until !== Number.POSITIVE_INFINITY) this.heldUntil = Math.max(this.heldUntil, until);
  }

  // ---- what CPU, memory and scheduler tell

  beforeRegister(): void {
    this.cpu!.synchronize();
  }

  afterRegister(): void {
    this.cpu!.reschedule();
  }

  flashWrite(address: number, value: number, byte: boolean): void {
    this.peripherals!.flash.write(address, value, byte);
  }

  complain(code: WarningCode, address: number): void {
    this.warnings.add(code, address);
  }

  statusChanged(value: number): void {
    const cpu = this.cpu!;
    cpu.synchronize();
    this.peripherals!.clock.setStatus(value);
    cpu.interruptRun();
  }

  fetchFromRegisters(): void {
    this.requestReset('fetch');
  }

  onAlarm(): void {
    this.stop();
  }

  get pc(): number {
    return this.cpu!.instructionAddress;
  }

  get at(): number {
    return this.scheduler.now;
  }
}
