/**
 * An MSP430G2553: CPU, memories, clocks and the peripherals of this folder, put together.
 *
 * USCI_A0 and USCI_B0 attach themselves from outside through `bus`, `interrupts`, `sfr`, `clocks`, `pin` and `onReset`,
 * as any further peripheral could. Nothing here knows of a board, a file or the wall clock.
 * Left out: the JTAG/SBW port, the boot loader's ROM. SLAU144, SLAS735.
 */

import type { ClockLine } from './clock-line.ts';
import { Cpu, executionDefault, SR, status as statusBits } from './cpu/cpu.ts';
import { FlashContents, flashStart } from './flash-contents.ts';
import type { Image } from './image/image.ts';
import { InterruptController } from './interrupt-controller.ts';
import type { InterruptLines } from './interrupts.ts';
import { McuControl } from './mcu-control.ts';
import type { McuOptions, McuWarning, ResetKind } from './mcu-options.ts';
import { McuPeripherals } from './mcu-peripherals.ts';
import { Memory } from './memory.ts';
import { type ExecutionObserver, Observers } from './observer.ts';
import { resetFrequencyHz } from './peripherals/basic-clock.ts';
import type { Pin } from './peripherals/pin.ts';
import { SpecialFunctionRegisters } from './peripherals/sfr.ts';
import { RegisterFile } from './register-file.ts';
import { Scheduler } from './scheduler.ts';
import { factoryInfoA } from './tlv.ts';

export type { McuOptions, McuWarning, ResetKind } from './mcu-options.ts';

const vectorTable = 0xffe0;
const resetVector = 0xfffe;
/** DCO start-up on wake-up from LPM3 and LPM4 (SLAS735 "Wake-Up From Lower-Power Modes", typical). */
const dcoWakeUpSeconds = 1.5e-6;

/** The chip alone, for boards of your own: attach parts to its pins, run it, look into it. */
export class Mcu {
  readonly scheduler = new Scheduler(resetFrequencyHz);
  readonly bus: RegisterFile;
  readonly interrupts: InterruptLines;
  /** IE1/IFG1/IE2/IFG2: USCI owns bits 0-3 of IE2 and IFG2 with `sfr.own('IFG2', 0x03, { read, write })`. */
  readonly sfr: SpecialFunctionRegisters;
  readonly clocks: { readonly mclk: ClockLine; readonly smclk: ClockLine; readonly aclk: ClockLine };
  /** The chip's own peripherals, for boards and tests that look inside. */
  readonly peripherals: McuPeripherals;
  private readonly memory: Memory;
  private readonly cpu: Cpu;
  private readonly controller: InterruptController;
  private readonly control: McuControl;
  private readonly observers = new Observers();
  private resetListeners: readonly ((kind: ResetKind, por: boolean) => void)[] = [];

  constructor(options: McuOptions = {}) {
    const { scheduler } = this;
    const control = new McuControl(scheduler, options.supplyVolts ?? 3.3, options.temperatureCelsius ?? 25);
    this.control = control;
    const registers = new RegisterFile();
    this.bus = registers;
    this.sfr = new SpecialFunctionRegisters(registers);
    this.controller = new InterruptController();
    this.interrupts = this.controller;
    const flash =
      options.flash ?? (options.image === undefined ? new FlashContents() : FlashContents.of(options.image));
    this.memory = new Memory(registers, flash, control);
    this.peripherals = new McuPeripherals({
      options,
      scheduler,
      bus: registers,
      sfr: this.sfr,
      interrupts: this.controller,
      memory: this.memory,
      control,
    });
    const { mclk } = this.peripherals.clock;
    this.cpu = new Cpu(this.memory, scheduler, mclk, control, options.execution ?? executionDefault.mode);
    this.controller.listen(this.cpu);
    control.connect(this.cpu, this.memory, this.peripherals);
    this.clocks = this.peripherals.clock;
    this.fillMemory(options);
    if (options.image !== undefined) this.load(options.image, flash);
    else this.reset('power_on');
  }

  get supplyVolts(): number {
    return this.control.supplyVolts;
  }

  set supplyVolts(volts: number) {
    this.control.supplyVolts = volts;
  }

  get temperatureCelsius(): number {
    return this.control.temperatureCelsius;
  }

  set temperatureCelsius(celsius: number) {
    this.control.temperatureCelsius = celsius;
  }

  /** Frequency of the VLO; may change while it runs. */
  get vloHz(): number {
    return this.peripherals.clock.vloHz;
  }

  set vloHz(frequencyHz: number) {
    this.cpu.synchronize();
    this.peripherals.clock.vloHz = frequencyHz;
    this.cpu.reschedule();
  }

  /** A pin by port (1-3) and bit (0-7), e.g. `pin(1, 6)`. */
  pin(port: number, bit: number): Pin {
    const pin = this.peripherals.ports[port - 1]?.pins[bit];
    if (pin === undefined) throw new RangeError(`the chip has no pin P${port}.${bit}`);
    return pin;
  }

  /** What ADC10 channel 0-7 sees, asked at the end of the sample time. Default 0 V. A3 and A4 are external references too. */
  setAnalogInput(channel: number, volts: () => number): void {
    this.peripherals.adc.setInput(channel, volts);
  }

  /**
   * Writes an image to flash and info memory and does a power-on reset. All flash that the image does not hold reads
   * 0xFF; info memory keeps what the image does not hold. Boards that load the same `contents` share it.
   */
  load(image: Image, contents = FlashContents.of(image)): void {
    this.memory.share(contents);
    for (const { address, data } of image.segments) {
      if (address < flashStart) this.poke(address, data);
    }
    this.reset('power_on');
  }

  /**
   * Resets as the named cause does: registers, flags in IFG1, PC from 0xFFFE. RAM and info memory survive. Asked for by an
   * event or listener it happens after the instruction in progress.
   */
  reset(kind: ResetKind): void {
    if (this.cpu.executing) this.control.requestReset(kind);
    else this.resetNow(kind);
  }

  private resetNow(kind: ResetKind): void {
    if (kind === 'pin' && this.peripherals.watchdog.pinIsNmi) {
      this.peripherals.watchdog.pinNmi();
      return;
    }
    this.control.reset();
    const por = kind === 'power_on' || kind === 'pin';
    this.memory.flashBusy = false;
    this.cpu.registers.fill(0);
    this.cpu.justEnabled = false;
    this.peripherals.reset(kind, por);
    for (const listener of this.resetListeners) listener(kind, por);
    this.start();
  }

  /** Called at every reset, after the core's own registers; `por` tells a power-on/pin reset from a PUC. */
  onReset(listener: (kind: ResetKind, por: boolean) => void): void {
    this.resetListeners = this.resetListeners.concat(listener);
  }

  /**
   * Runs instructions and events until the scheduler's `now` is at or (by an instruction) after `cycle`. A sleeping CPU
   * jumps. Not to be called from an event or a listener.
   */
  runUntil(cycle: number): void {
    const { scheduler, cpu, control } = this;
    control.stopped = false;
    while (!control.stopped && scheduler.now < cycle) {
      if (control.pendingReset !== undefined) this.resetNow(control.pendingReset);
      if (control.stolenCycles > 0) control.payStolenCycles();
      if (scheduler.now < control.heldUntil) {
        this.waitUntil(Math.min(control.heldUntil, cycle));
        continue;
      }
      const status = cpu.registers[SR]!;
      if (cpu.justEnabled && this.runAfterEnable(status)) continue;
      const vector = this.controller.next((status & statusBits.GIE) !== 0);
      if (vector >= 0) this.acceptInterrupt(vector);
      else if ((status & statusBits.CPUOFF) !== 0) {
        const next = Math.min(scheduler.nextAt, cycle);
        if (next === Number.POSITIVE_INFINITY) return;
        this.waitUntil(next);
      } else if (this.observers.stepping) this.runObserved();
      else cpu.run(cycle);
    }
  }

  /** Runs for a time in seconds of the emulated chip, whatever the DCO does meanwhile. */
  runFor(seconds: number): void {
    const { scheduler } = this;
    const { end } = this.control;
    scheduler.set(end, scheduler.now + scheduler.cycles(seconds));
    this.runUntil(Number.POSITIVE_INFINITY);
    scheduler.cancel(end);
  }

  /** Makes a running `runUntil`/`runFor` return after the current instruction; for listeners and events. */
  stop(): void {
    this.control.stop();
  }

  /**
   * Executes one instruction or accepts one interrupt; a CPU that sleeps or is held goes to the next event or the end of
   * the hold. For debuggers.
   */
  step(): void {
    const { scheduler } = this;
    const { heldUntil } = this.control;
    if (scheduler.now < heldUntil) this.runUntil(heldUntil);
    else if (this.idle) this.runUntil(Math.max(scheduler.nextAt, scheduler.now + 1));
    else this.runUntil(scheduler.now + 1);
  }

  /** A byte as a debugger sees it: no side effects on registers. */
  peek(address: number): number {
    return this.memory.peek(address & 0xffff);
  }

  /** A little-endian word at an even address, without side effects. */
  peekWord(address: number): number {
    return this.memory.peekWord(address & 0xffff);
  }

  /** Writes RAM, info memory or flash as a programmer would: no flash controller, no lock. */
  poke(address: number, data: Uint8Array): void {
    data.forEach((byte, index) => {
      if (!this.memory.poke(address + index, byte)) throw new RangeError(`no memory at ${address + index}`);
    });
  }

  /** R0-R15, to read; `setRegister` writes. */
  get registers(): Uint16Array {
    return this.cpu.registers;
  }

  /** Sets a register as a debugger does, between runs: PC and SP even, SR with its effect on the clocks, R3 not at all. */
  setRegister(register: number, value: number): void {
    if (register === SR) this.cpu.setStatus(value);
    else if (register < SR) this.cpu.registers[register] = value & 0xfffe;
    else if (register !== 3 && register < 16) this.cpu.registers[register] = value;
  }

  /** Instructions executed since power-on; exact between runs. */
  get instructions(): number {
    return this.cpu.instructions;
  }

  /** MCLK cycles that the CPU was awake since power-on. */
  get activeCycles(): number {
    return this.cpu.activeCycles;
  }

  /** True while CPUOFF stops the CPU. */
  get sleeping(): boolean {
    return (this.cpu.registers[SR]! & statusBits.CPUOFF) !== 0;
  }

  /** True while the CPU sleeps and nothing that waits already will wake it: only the scheduler's next event can. */
  get idle(): boolean {
    const gie = (this.cpu.registers[SR]! & statusBits.GIE) !== 0;
    return this.sleeping && this.control.pendingReset === undefined && this.controller.next(gie) < 0;
  }

  /** Called for what silicon would not report. The same code at the same PC is reported once. */
  onWarning(listener: (warning: McuWarning) => void): void {
    this.control.warnings.onWarning(listener);
  }

  /** Watches the CPU until the returned function is called. */
  observe(observer: ExecutionObserver): () => void {
    return this.observers.add(observer);
  }

  private fillMemory(options: McuOptions): void {
    const { memory } = this;
    const segments = [options.info?.D, options.info?.C, options.info?.B, options.info?.A ?? factoryInfoA()];
    segments.forEach((segment, index) => {
      if (segment !== undefined) memory.info.set(segment.subarray(0, 64), 64 * index);
    });
    if (options.seed === undefined) return;
    // xorshift32: RAM of a real chip wakes with anything in it.
    let state = options.seed | 0 || 1;
    for (let index = 0; index < memory.ram.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      memory.ram[index] = state & 0xff;
    }
  }

  /** Takes the reset vector; without a program the chip stays in LPM4 (SLAU144 "System Reset"). */
  private start(): void {
    const entry = this.memory.peekWord(resetVector);
    this.cpu.registers[0] = entry & 0xfffe;
    if (entry === 0xffff) {
      this.control.warnings.add('NO_RESET_VECTOR', resetVector);
      this.cpu.setStatus(statusBits.CPUOFF | statusBits.OSCOFF | statusBits.SCG0 | statusBits.SCG1);
    } else this.cpu.stall(4);
  }

  /** The instruction that follows EINT, before any interrupt; false when there is none because the CPU sleeps. */
  private runAfterEnable(status: number): boolean {
    const { cpu } = this;
    if ((status & statusBits.CPUOFF) !== 0) {
      cpu.justEnabled = false;
      return false;
    }
    const { instructions } = cpu;
    if (this.observers.stepping) this.runObserved();
    else cpu.run(this.scheduler.now + 1);
    if (cpu.instructions !== instructions) cpu.justEnabled = false;
    return true;
  }

  /** One instruction, unless an observer wants to stop before it. */
  private runObserved(): void {
    const { cpu, observers } = this;
    const pc = cpu.registers[0]!;
    if (observers.instruction(pc)) {
      this.control.stopped = true;
      return;
    }
    const { activeCycles, instructions } = cpu;
    cpu.run(this.scheduler.now + 1);
    if (cpu.instructions !== instructions) observers.executed(pc, cpu.activeCycles - activeCycles);
  }

  private acceptInterrupt(vector: number): void {
    const { activeCycles } = this.cpu;
    if (this.sleeping && this.peripherals.clock.dcoStopped) {
      this.scheduler.advanceTo(this.scheduler.now + this.scheduler.cycles(dcoWakeUpSeconds));
    }
    this.cpu.accept(vectorTable + 2 * vector);
    this.controller.accept(vector);
    if (this.observers.any) this.observers.interrupted(vector, this.cpu.activeCycles - activeCycles);
  }

  /** Lets time pass without the CPU. */
  private waitUntil(time: number): void {
    const { scheduler, observers } = this;
    if (!observers.any) {
      scheduler.advanceTo(time);
      return;
    }
    const held = scheduler.now < this.control.heldUntil;
    const status = this.cpu.registers[SR]!;
    const start = scheduler.seconds();
    scheduler.advanceTo(time);
    const seconds = scheduler.seconds() - start;
    if (held) observers.held(seconds);
    else observers.slept(status, seconds);
  }
}

/** The chip's public side, for those that attach to it. */
export type McuShape = Pick<Mcu, keyof Mcu>;
