/**
 * An MSP430G2553: CPU, memories, clocks and the peripherals of this folder, put together.
 *
 * USCI_A0 and USCI_B0 attach themselves from outside through `bus`, `interrupts`, `sfr`, `smclk`/`aclk`, `pin` and
 * `onReset`, as any further peripheral could. Nothing here knows of a board, a file or the wall clock.
 * Left out: Comparator_A+, the JTAG/SBW port, the boot loader's ROM. SLAU144, SLAS735.
 */

import type { RegisterBus } from './bus.ts';
import type { ClockDomain } from './clock-domain.ts';
import type { Image } from './image/image.ts';
import type { InterruptLines } from './interrupts.ts';
import type { Pin } from './peripherals/pin.ts';
import type { SpecialFunctionRegisters } from './peripherals/sfr.ts';
import type { Scheduler } from './scheduler.ts';

export interface McuOptions {
  /** Program to load before the power-on reset. Without one call `load`. */
  readonly image?: Image;
  /** Frequency of the internal low-power oscillator, 4-20 kHz on silicon. Default 12000. */
  readonly vloHz?: number;
  /** Contents of info segments, 64 bytes each. A defaults to a correct TLV structure, the others to 0xFF (D, C and B are free for ids). */
  readonly info?: {
    readonly A?: Uint8Array;
    readonly B?: Uint8Array;
    readonly C?: Uint8Array;
    readonly D?: Uint8Array;
  };
  /** Supply in volts. Default 3.3. */
  readonly supplyVolts?: number;
  /** Die temperature. Default 25. */
  readonly temperatureCelsius?: number;
  /** Seeds RAM's contents at power-on; undefined leaves RAM zero. Same seed, same run. */
  readonly seed?: number;
}

/** Why the chip starts over. All but `power_on` and `pin` are PUC only (SLAU144 "System Reset and Initialization"). */
export type ResetKind = 'power_on' | 'pin' | 'watchdog' | 'password' | 'flash_key' | 'fetch';

/** Something that a program did which silicon would not report. `code` is stable. */
export interface McuWarning {
  readonly code:
    | 'UNMAPPED_READ'
    | 'UNMAPPED_WRITE'
    | 'FLASH_WRITE_LOCKED'
    | 'PUSH_CONSTANT' // erratum CPU4: PUSH #4 or #8 encoded with the constant generator
    | 'NO_CALIBRATION' // DCO set to 0xFF/0xFF: info A was erased
    | 'ODD_ADDRESS'
    | 'ILLEGAL_INSTRUCTION'
    | 'NO_RESET_VECTOR';
  readonly message: string;
  /** Address of the instruction. */
  readonly pc: number;
  /** Address accessed, where there is one. */
  readonly address?: number;
  /** Time in DCO cycles. */
  readonly at: number;
}

/** The chip as board, USCI, debuggers and tests see it. `class Mcu implements McuShape` follows: `new Mcu(options)`. */
export interface McuShape {
  readonly scheduler: Scheduler;
  readonly bus: RegisterBus;
  readonly interrupts: InterruptLines;
  /** IE1/IFG1/IE2/IFG2: USCI owns bits 0-3 of IE2 and IFG2 with `sfr.own('IFG2', 0x03, { read, write })`. */
  readonly sfr: SpecialFunctionRegisters;
  readonly clocks: { readonly mclk: ClockDomain; readonly smclk: ClockDomain; readonly aclk: ClockDomain };

  /** A pin by port (1-3) and bit (0-7), e.g. `pin(1, 6)`. */
  pin(port: number, bit: number): Pin;
  /** What ADC10 channel 0-7 (and 8, 9 as references) sees, asked at the end of the sample time. Default 0 V. */
  setAnalogInput(channel: number, volts: () => number): void;
  supplyVolts: number;
  temperatureCelsius: number;
  /** Frequency of the VLO; may change while it runs. */
  vloHz: number;

  /** Writes an image to flash and info memory (bytes outside it read 0xFF afterwards) and does a power-on reset. */
  load(image: Image): void;
  /** Resets as the named cause does: registers, flags in IFG1, PC from 0xFFFE. RAM and info memory survive. */
  reset(kind: ResetKind): void;
  /** Called at every reset, after the core's own registers; `por` tells a power-on/pin reset from a PUC. */
  onReset(listener: (kind: ResetKind, por: boolean) => void): void;

  /** Runs instructions and events until the scheduler's `now` is at or (by an instruction) after `cycle`. A sleeping CPU jumps. */
  runUntil(cycle: number): void;
  /** Runs for a time in seconds of the emulated chip, whatever the DCO does meanwhile. */
  runFor(seconds: number): void;
  /** Makes a running `runUntil`/`runFor` return after the current instruction; for listeners and events. */
  stop(): void;

  /** A byte as a debugger sees it: no side effects on registers. */
  peek(address: number): number;
  /** Writes RAM, info memory or flash as a programmer would: no flash controller, no lock. */
  poke(address: number, data: Uint8Array): void;
  /** R0-R15. Writing is for debuggers, between runs. */
  readonly registers: Uint16Array;
  /** Instructions executed since power-on. */
  readonly instructions: number;
  /** MCLK cycles that the CPU was awake since power-on. */
  readonly activeCycles: number;
  /** True while CPUOFF stops the CPU. */
  readonly sleeping: boolean;

  /** Called for what silicon would not report. The same code at the same PC is reported once. */
  onWarning(listener: (warning: McuWarning) => void): void;
}
