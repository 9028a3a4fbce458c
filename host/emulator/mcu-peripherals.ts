/**
 * The peripherals of an MSP430G2553 and how they are wired to each other: clocks, interrupt vectors, the signal
 * connections of the timers and the function of each pin (SLAS735 "Timer0_A3/Timer1_A3 Signal Connections", port tables).
 */

import type { RegisterBus } from './bus.ts';
import type { ClockLine } from './clock-line.ts';
import type { InterruptController } from './interrupt-controller.ts';
import { vectors } from './interrupts.ts';
import type { McuControl } from './mcu-control.ts';
import type { McuOptions, ResetKind } from './mcu-options.ts';
import type { Memory } from './memory.ts';
import {
  AdcConnections,
  ClockConnections,
  ComparatorConnections,
  FlashConnections,
  WatchdogConnections,
} from './peripheral-connections.ts';
import { Adc10 } from './peripherals/adc10.ts';
import { BasicClock } from './peripherals/basic-clock.ts';
import { ClockOutput } from './peripherals/clock-output.ts';
import { ComparatorA } from './peripherals/comparator-a.ts';
import { FlashController } from './peripherals/flash-controller.ts';
import type { Pin, PinFunction } from './peripherals/pin.ts';
import { PinOscillator } from './peripherals/pin-oscillator.ts';
import { Port } from './peripherals/port.ts';
import type { SfrOwner, SpecialFunctionRegisters } from './peripherals/sfr.ts';
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
  readonly control: McuControl;
}

export class McuPeripherals implements SfrOwner {
  readonly clock: BasicClock;
  readonly ports: readonly Port[];
  readonly timers: readonly TimerA[];
  readonly watchdog: Watchdog;
  readonly flash: FlashController;
  readonly adc: Adc10;
  readonly comparator: ComparatorA;
  readonly pinOscillator: PinOscillator;
  private resetFlags = 0;
  private buffersOffByAdc = 0;
  private buffersOffByComparator = 0;

  constructor(context: PeripheralContext) {
    const { scheduler, bus, sfr, interrupts } = context;
    this.clock = new BasicClock(scheduler, bus, sfr, interrupts, new ClockConnections(context));
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
    this.comparator = new ComparatorA(scheduler, bus, interrupts, new ComparatorConnections(context, this));
    this.timers = [this.timer0(context), this.timer1(context)];
    this.watchdog = new Watchdog(scheduler, bus, sfr, interrupts, new WatchdogConnections(context, this.clock));
    this.flash = new FlashController(scheduler, bus, sfr, interrupts, new FlashConnections(context, this.clock));
    this.adc = new Adc10(scheduler, bus, interrupts, new AdcConnections(context, this));
    this.clockOutputs(scheduler);
    sfr.claim('IFG1', PORIFG | RSTIFG, this);
  }

  readSfr(): number {
    return this.resetFlags;
  }

  writeSfr(_address: number, bits: number): void {
    this.resetFlags = bits;
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
  disableBuffers(by: 'adc' | 'comparator', mask: number): void {
    if (by === 'adc') this.buffersOffByAdc = mask;
    else this.buffersOffByComparator = mask;
    const both = this.buffersOffByAdc | this.buffersOffByComparator;
    this.ports[0]!.pins.forEach((pin, bit) => {
      pin.setBuffer(((both >> bit) & 1) === 0);
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
