/**
 * What single peripherals of the chip need of the others: how clock module, watchdog, flash controller, ADC10 and
 * comparator are connected inside (SLAS735 "Functional Block Diagram"). McuPeripherals makes them; nothing is decided here.
 */

import type { ClockLine } from './clock-line.ts';
import type { McuPeripherals, PeripheralContext } from './mcu-peripherals.ts';
import { type Adc10Options, oscillatorHz } from './peripherals/adc10.ts';
import type { BasicClock, BasicClockOptions } from './peripherals/basic-clock.ts';
import type { ComparatorOptions } from './peripherals/comparator-a.ts';
import type { FlashControllerOptions } from './peripherals/flash-controller.ts';
import type { PinFunction } from './peripherals/pin.ts';
import type { OutputUnit } from './peripherals/timer-a-output.ts';
import type { WatchdogOptions } from './peripherals/watchdog.ts';

export class ClockConnections implements BasicClockOptions {
  readonly vloHz: number;
  readonly crystalHz: number | undefined;
  readonly crystalStartSeconds: number;
  readonly xinHz: number | undefined;
  private readonly context: PeripheralContext;

  constructor(context: PeripheralContext) {
    const { options } = context;
    this.context = context;
    this.vloHz = options.vloHz ?? 12_000;
    this.crystalHz = options.crystalHz;
    this.crystalStartSeconds = options.crystalStartSeconds ?? 0;
    this.xinHz = options.xinHz;
  }

  onNoCalibration(): void {
    this.context.control.complain('NO_CALIBRATION', 0x56);
  }

  onRangeJump(): void {
    this.context.control.complain('RANGE_JUMP', 0x57);
  }

  requestNmi(source: 'oscillator', requested: boolean): void {
    this.context.interrupts.setNmi(source, requested);
  }
}

/** With the clock lines. */
class Connections {
  protected readonly context: PeripheralContext;
  protected readonly clock: BasicClock;

  constructor(context: PeripheralContext, clock: BasicClock) {
    this.context = context;
    this.clock = clock;
  }

  get mclk(): ClockLine {
    return this.clock.mclk;
  }

  get smclk(): ClockLine {
    return this.clock.smclk;
  }

  get aclk(): ClockLine {
    return this.clock.aclk;
  }

  supplyVolts(): number {
    return this.context.control.supplyVolts;
  }

  temperatureCelsius(): number {
    return this.context.control.temperatureCelsius;
  }
}

export class WatchdogConnections extends Connections implements WatchdogOptions {
  reset(kind: 'watchdog' | 'password'): void {
    this.context.control.requestReset(kind);
  }

  requestNmi(source: 'rst-pin', requested: boolean): void {
    this.context.interrupts.setNmi(source, requested);
  }
}

export class FlashConnections extends Connections implements FlashControllerOptions {
  set(address: number, value: number): void {
    this.context.memory.poke(address, value);
  }

  get(address: number): number {
    return this.context.memory.peek(address);
  }

  busyUntil(time: number): void {
    this.context.control.hold(time);
  }

  busyEnded(): void {
    this.context.memory.flashBusy = false;
  }

  requestNmi(source: 'flash-access', requested: boolean): void {
    this.context.interrupts.setNmi(source, requested);
  }

  keyViolation(): void {
    this.context.control.requestReset('flash_key');
  }

  writeIgnored(address: number): void {
    this.context.control.complain('FLASH_WRITE_LOCKED', address);
  }
}

export class AdcConnections extends Connections implements Adc10Options {
  private readonly peripherals: McuPeripherals;

  constructor(context: PeripheralContext, peripherals: McuPeripherals) {
    super(context, peripherals.clock);
    this.peripherals = peripherals;
  }

  trigger(select: 1 | 2 | 3): OutputUnit {
    return this.peripherals.timers[0]!.output(select === 1 ? 1 : select === 2 ? 0 : 2);
  }

  triggerWatchChanged(): void {
    this.peripherals.timers[0]!.outputWatchChanged();
  }

  oscillator(running: boolean): void {
    this.clock.setOscillator(this.clock.adcOscillator, running ? oscillatorHz : 0);
  }

  store(address: number, value: number): void {
    this.context.memory.writeWord(address, value);
  }

  /**
   * A result gets to memory after a cycle of MCLK for synchronising and one for the transfer; without MCLK the DTC takes
   * the DCO, with a cycle more and, when that has to start, 2 us (SLAU144 "DTC Transfer Cycle Time").
   */
  transferTime(): number {
    const { clock } = this;
    const { scheduler } = this.context;
    if (clock.mclk.running) return clock.timeAfterMclk(2);
    const start = clock.dcoStopped ? scheduler.cycles(2e-6) : 0;
    return scheduler.now + start + 3;
  }

  stealCycle(): void {
    this.context.control.stealCycle();
  }

  buffersDisabled(mask: number): void {
    this.peripherals.disableBuffers('adc', mask);
  }

  warn(code: 'REFERENCE_SETTLING' | 'SHORT_SAMPLE', register: number): void {
    this.context.control.complain(code, register);
  }
}

export class ComparatorConnections extends Connections implements ComparatorOptions {
  readonly outputs: readonly PinFunction[];
  private readonly peripherals: McuPeripherals;

  constructor(context: PeripheralContext, peripherals: McuPeripherals) {
    super(context, peripherals.clock);
    this.peripherals = peripherals;
    const { pins } = peripherals.ports[0]!;
    this.outputs = [pins[3]!.attach(3, 'port'), pins[7]!.attach(1, 'port')];
  }

  inputVolts(channel: number): number {
    return this.peripherals.adc.inputVolts(channel);
  }

  buffersDisabled(mask: number): void {
    this.peripherals.disableBuffers('comparator', mask);
  }
}
