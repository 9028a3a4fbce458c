/** What an Mcu is made with, and what it tells about: options, causes of reset, warnings. */

import type { Execution } from './cpu/cpu.ts';
import type { FlashContents } from './flash-contents.ts';
import type { Image } from './image/image.ts';

export interface McuOptions {
  /** Program to load before the power-on reset. Without one call `load`. */
  readonly image?: Image;
  /** Flash made from the image with `FlashContents.of`: boards that are given the same object share it. */
  readonly flash?: FlashContents;
  /** Frequency of the internal low-power oscillator, 4-20 kHz on silicon. Default 12000. */
  readonly vloHz?: number;
  /** A crystal on XIN/XOUT, e.g. 32768. The LaunchPad ships without one, which is the default. */
  readonly crystalHz?: number;
  /** What that crystal takes to swing, a few hundred milliseconds on silicon. Default 0. */
  readonly crystalStartSeconds?: number;
  /** A digital clock that something drives XIN with (LFXT1S = 3). */
  readonly xinHz?: number;
  /** Contents of info segments, up to 64 bytes each. A defaults to a correct TLV structure, the others to 0xFF (D, C and B are free for ids). */
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
  /** How code runs. Default `auto`: interpreted, and compiled to JavaScript where it runs often. */
  readonly execution?: Execution;
}

/** Why the chip starts over. All but `power_on` and `pin` are PUC only (SLAU144 "System Reset and Initialization"). */
export type ResetKind = 'power_on' | 'pin' | 'watchdog' | 'password' | 'flash_key' | 'fetch';

const messages = {
  UNMAPPED_READ: 'read from an address where the chip has nothing',
  UNMAPPED_WRITE: 'write to an address where the chip has nothing',
  FLASH_WRITE_LOCKED: 'write to locked flash was ignored: clear LOCK (and LOCKA for info A) in FCTL3 first',
  PUSH_CONSTANT: 'PUSH #4 or #8 in the constant generator form does not work on silicon (erratum CPU4)',
  NO_CALIBRATION: 'the DCO was set from an erased info A: its frequency is not what the program expects',
  REFERENCE_SETTLING: 'the ADC10 converted within 30 us of switching its reference: silicon gives a wrong result',
  SHORT_SAMPLE: 'the temperature sensor was sampled for less than 30 us: silicon gives a wrong result',
  RANGE_JUMP:
    'the DCO may stop (erratum BCL12): set DCOx to 0 before RSELx goes to 13 or above, and come down from 14 or 15 by way of 13',
  ODD_ADDRESS: 'word access to an odd address: the chip ignores bit 0',
  ILLEGAL_INSTRUCTION: 'this word is no MSP430 instruction; it was skipped',
  NO_RESET_VECTOR: 'the reset vector at 0xFFFE is erased: there is no program to run',
} as const;

export type WarningCode = keyof typeof messages;

/** Something that a program did which silicon would not report. `code` is stable. */
export interface McuWarning {
  readonly code: WarningCode;
  readonly message: string;
  /** Address of the instruction. */
  readonly pc: number;
  /** Address accessed, or for instructions the word in question. */
  readonly address: number;
  /** Time in DCO cycles. */
  readonly at: number;
}

/** Different (code, PC) pairs that are told apart; later ones are dropped. */
const maximumWarnings = 1000;

/** Where a program is: the instruction's address and the time in DCO cycles. */
export interface WarningPlace {
  readonly pc: number;
  readonly at: number;
}

const nobody: readonly never[] = [];

/** Tells each warning once for each place in the program. */
export class WarningLog {
  private readonly where: WarningPlace;
  /** Made with the first listener. */
  private told: Set<string> | undefined = undefined;
  private listeners: readonly ((warning: McuWarning) => void)[] = nobody;

  constructor(where: WarningPlace) {
    this.where = where;
  }

  onWarning(listener: (warning: McuWarning) => void): void {
    this.told ??= new Set();
    this.listeners = this.listeners.concat(listener);
  }

  add(code: WarningCode, address: number): void {
    if (this.told === undefined || this.told.size >= maximumWarnings) return;
    const { pc, at } = this.where;
    const key = `${code}@${pc}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    const place = `0x${address.toString(16).padStart(4, '0')}, PC 0x${pc.toString(16).padStart(4, '0')}`;
    for (const listener of this.listeners) listener({ code, message: `${messages[code]} (${place})`, pc, address, at });
  }
}
