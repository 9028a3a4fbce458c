/**
 * The peripherals of an MSP430G2553 and how they are wired to each other: clocks, interrupt vectors, the signal
 * connections of the timers and the function of each pin (SLAS735 "Timer0_A3/Timer1_A3 Signal Connections", port tables).
 */

import type { RegisterBus } from './bus.ts';
import type { ClockLine } from './clock-line.ts';
import type { InterruptController } from './interrupt-controller.ts';
import { vectors } from './interrupts.ts';
import type { McuOptions, ResetKind, WarningCode } from './mcu-options.ts';
import type { Memory } from './memory.ts';
import { Adc10, oscillatorHz } from './peripherals/adc10.ts';
import { BasicClock } from './peripherals/basic-clock.ts';
import { ClockOutput } from './peripherals/clock-output.ts';
import { ComparatorA } from './peripherals/comparator-a.ts';
import { FlashController } from './peripherals/flash-controller.ts';
import type { Pin, PinFunction } from './peripherals/pin.ts';
import { PinOscillator } from './peripherals/pin-oscillator.ts';
import { Port } from './peripherals/port.ts';
import type { SpecialFunctionRegisters } from './peripherals/sfr.ts';
import { type CaptureInput, TimerA } from './peripherals/timer-a.ts';
import { Watchdog } from './peripherals/watchdog.ts';
import type { Scheduler } from './scheduler.ts';

const PORIFG = 0x04;
const RSTIFG = 0x08;

/** What the chip gives to its peripherals. */
export interface PeripheralContext {
  readonly options: McuOptions;
  readonly scheduler: Scheduler;
  readonly bus: RegisterBus;
  readonly sfr: SpecialFunctionRegisters;
  readonly interrupts: InterruptController;
  readonly memory: Memory;
  supplyVolts(): number;
  temperatureCelsius(): number;
  reset(kind: ResetKind): void;
  hold(until: number): void;
  /** Halts a CPU that is awake for a cycle of MCLK. */
  stealCycle(): void;
  warn(code: WarningCode, address: number): void;
}

export class McuPeripherals {
  readonly clock: BasicClock;
  readonly ports: readonly Port[];
  readonly timers: readonly TimerA[];
  readonly watchdog: Watchdog;
  readonly flash: FlashController;
  readonly adc: Adc10;
  readonly comparator: ComparatorA;
  readonly pinOscillator: PinOscillator;
  private resetFlags = 0;
  private readonly disabledBuffers = { adc: 0, comparator: 0 };

  constructor(context: PeripheralContext) {
    const { scheduler, bus, sfr, interrupts } = context;
    const requestNmi = interrupts.setNmi.bind(interrupts);
    this.clock = new BasicClock(scheduler, bus, sfr, interrupts, {
      vloHz: context.options.vloHz ?? 12_000,
      crystalHz: context.options.crystalHz,
      crystalStartSeconds: context.options.crystalStartSeconds ?? 0,
      xinHz: context.options.xinHz,
      onNoCalibration: () => context.warn('NO_CALIBRATION', 0x56),
      onRangeJump: () => context.warn('RANGE_JUMP', 0x57),
      requestNmi,
    });
    this.ports = [
      new Port(bus, interrupts, { number: 1, vector: vectors.PORT1, resetSelect: 0 }),
      new Port(bus, interrupts, { number: 2, vector: vectors.PORT2, resetSelect: 0xc0 }),
      new Port(bus, interrupts, { number: 3, resetSelect: 0 }),
    ];
    if ((context.options.crystalHz ?? context.options.xinHz) !== undefined) {
      this.clock.connect(this.outputPin(2, 6), this.outputPin(2, 7));
    }
    this.pinOscillator = new PinOscillator(
      this.ports.slice(0, 2).flatMap((port) => port.pins),
      (frequencyHz) => this.clock.setOscillator(this.clock.pinOscillator, frequencyHz),
    );
    this.comparator = this.comparatorA(context);
    this.timers = [this.timer0(context), this.timer1(context)];
    this.watchdog = new Watchdog(scheduler, bus, sfr, interrupts, {
      mclk: this.clock.mclk,
      smclk: this.clock.smclk,
      aclk: this.clock.aclk,
      reset: (kind) => context.reset(kind),
      requestNmi,
    });
    this.flash = this.flashController(context, requestNmi);
    const timer = this.timers[0]!;
    this.adc = new Adc10(scheduler, bus, interrupts, {
      mclk: this.clock.mclk,
      smclk: this.clock.smclk,
      aclk: this.clock.aclk,
      triggers: [timer.output(1), timer.output(0), timer.output(2)],
      triggerWatchChanged: () => timer.outputWatchChanged(),
      supplyVolts: context.supplyVolts,
      temperatureCelsius: context.temperatureCelsius,
      oscillator: (running) => this.clock.setOscillator(this.clock.adcOscillator, running ? oscillatorHz : 0),
      store: (address, value) => context.memory.writeWord(address, value),
      transferTime: () => this.transferTime(scheduler),
      stealCycle: () => context.stealCycle(),
      buffersDisabled: (mask) => this.disableBuffers('adc', mask),
      warn: (code, register) => context.warn(code, register),
    });
    this.clockOutputs(scheduler);
    sfr.own('IFG1', PORIFG | RSTIFG, {
      read: () => this.resetFlags,
      write: (bits) => {
        this.resetFlags = bits;
      },
    });
  }

  reset(kind: ResetKind, por: boolean): void {
    if (kind === 'power_on') this.resetFlags = PORIFG;
    else if (kind === 'pin') this.resetFlags |= RSTIFG;
    this.clock.reset(por);
    for (const port of this.ports) port.reset();
    for (const timer of this.timers) timer.reset(por);
    this.flash.reset(por);
    this.adc.reset();
    this.comparator.reset();
    this.watchdog.reset(kind === 'watchdog' || kind === 'password' ? 'watchdog' : por ? 'por' : 'other');
  }

  private timer0(context: PeripheralContext): TimerA {
    const { aclk } = this.clock;
    return this.timer(context, {
      control: 0x160,
      interruptVectorRegister: 0x12e,
      vector0: vectors.TIMER0_A0,
      vector1: vectors.TIMER0_A1,
      clockPin: [1, 0],
      inclk: this.clock.pinOscillator,
      inputs: [
        [this.portPin(1, 1), aclk],
        [this.portPin(1, 2), this.comparator],
        [this.portPin(3, 0), this.clock.pinOscillator],
      ],
      outputs: [
        [
          [1, 1],
          [1, 5],
          [3, 4],
        ],
        [
          [1, 2],
          [1, 6],
          [2, 6],
          [3, 5],
        ],
        [
          [3, 0],
          [3, 6],
        ],
      ],
    });
  }

  private timer1(context: PeripheralContext): TimerA {
    return this.timer(context, {
      control: 0x180,
      interruptVectorRegister: 0x11e,
      vector0: vectors.TIMER1_A0,
      vector1: vectors.TIMER1_A1,
      clockPin: [3, 7],
      inputs: [
        [this.portPin(2, 0), this.portPin(2, 3)],
        [this.portPin(2, 1), this.portPin(2, 2)],
        [this.portPin(2, 4), this.portPin(2, 5)],
      ],
      outputs: [
        [
          [2, 0],
          [2, 3],
          [3, 1],
        ],
        [
          [2, 1],
          [2, 2],
          [3, 2],
        ],
        [
          [2, 4],
          [2, 5],
          [3, 3],
        ],
      ],
    });
  }

  private timer(context: PeripheralContext, wiring: TimerWiring): TimerA {
    const { scheduler, bus, interrupts } = context;
    const [clockPort, clockBit] = wiring.clockPin;
    return new TimerA(scheduler, bus, interrupts, this.clock, {
      control: wiring.control,
      interruptVectorRegister: wiring.interruptVectorRegister,
      vector0: wiring.vector0,
      vector1: wiring.vector1,
      clockPin: this.portPin(clockPort, clockBit),
      ...(wiring.inclk && { inclk: wiring.inclk }),
      inputs: wiring.inputs,
      outputs: wiring.outputs.map((pins) => pins.map(([port, bit]) => this.outputPin(port, bit))),
    });
  }

  private portPin(port: number, bit: number): Pin {
    return this.ports[port - 1]!.pins[bit]!;
  }

  /** Timer outputs are the primary function (PxSEL = 1, PxSEL2 = 0) and need PxDIR = 1. */
  private outputPin(port: number, bit: number): PinFunction {
    return this.portPin(port, bit).attach(1, 'port');
  }

  /** ADC10AE0 and CAPD both take input buffers off pins of P1. */
  private disableBuffers(by: 'adc' | 'comparator', mask: number): void {
    this.disabledBuffers[by] = mask;
    const both = this.disabledBuffers.adc | this.disabledBuffers.comparator;
    this.ports[0]!.pins.forEach((pin, bit) => {
      pin.setBuffer(((both >> bit) & 1) === 0);
    });
  }

  /**
   * A result gets to memory after a cycle of MCLK for synchronising and one for the transfer; without MCLK the DTC takes
   * the DCO, with a cycle more and, when that has to start, 2 us (SLAU144 "DTC Transfer Cycle Time").
   */
  private transferTime(scheduler: Scheduler): number {
    const { clock } = this;
    if (clock.mclk.running) return clock.timeAfterMclk(2);
    const start = clock.dcoStopped ? scheduler.cycles(2e-6) : 0;
    return scheduler.now + start + 3;
  }

  private comparatorA(context: PeripheralContext): ComparatorA {
    const { scheduler, bus, interrupts } = context;
    const { pins } = this.ports[0]!;
    return new ComparatorA(scheduler, bus, interrupts, {
      inputVolts: (channel) => this.adc.inputVolts(channel),
      supplyVolts: context.supplyVolts,
      temperatureCelsius: context.temperatureCelsius,
      buffersDisabled: (mask) => this.disableBuffers('comparator', mask),
      outputs: [pins[3]!.attach(3, 'port'), pins[7]!.attach(1, 'port')],
    });
  }

  /** ACLK on P1.0, SMCLK on P1.4, ADC10CLK on P1.3, which run while their pins are selected. */
  private clockOutputs(scheduler: Scheduler): void {
    const { aclk, smclk, adcOscillator } = this.clock;
    const undivided = (clock: ClockLine) => ({ clocks: [clock], current: () => ({ clock, divider: 1 }) });
    new ClockOutput(scheduler, this.outputPin(1, 0), () => undivided(aclk));
    new ClockOutput(scheduler, this.outputPin(1, 4), () => undivided(smclk));
    new ClockOutput(scheduler, this.outputPin(1, 3), () => ({
      clocks: [aclk, smclk, adcOscillator],
      current: () => {
        const { source, divider } = this.adc.clock;
        return { clock: source ?? adcOscillator, divider };
      },
    }));
  }

  private flashController(
    context: PeripheralContext,
    requestNmi: (source: 'flash-access', requested: boolean) => void,
  ): FlashController {
    const { scheduler, bus, sfr, interrupts, memory } = context;
    return new FlashController(scheduler, bus, sfr, interrupts, {
      mclk: this.clock.mclk,
      smclk: this.clock.smclk,
      aclk: this.clock.aclk,
      set: (address, value) => {
        memory.poke(address, value);
      },
      get: (address) => memory.peek(address),
      busyUntil: (time) => context.hold(time),
      busyEnded: () => {
        memory.flashBusy = false;
      },
      requestNmi,
      keyViolation: () => context.reset('flash_key'),
      writeIgnored: (address) => context.warn('FLASH_WRITE_LOCKED', address),
    });
  }
}

interface TimerWiring {
  readonly control: number;
  readonly interruptVectorRegister: number;
  readonly vector0: number;
  readonly vector1: number;
  readonly clockPin: readonly [number, number];
  readonly inclk?: ClockLine;
  readonly inputs: readonly (readonly [CaptureInput, CaptureInput])[];
  readonly outputs: readonly (readonly (readonly [number, number])[])[];
}
