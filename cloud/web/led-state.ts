/**
 * The two RGB LEDs behind a TCA6507, read from its ten registers: what colour, and does it blink.
 *
 * The light over time comes from the emulator's model of the chip, so the page,
 * the emulator and the tests mean the same by a register. Wiring: lower LED on P1-P3, upper on P4-P6, each red, green, blue.
 */

import {
  bankIntensity,
  blinkCycle,
  cycleLengthMs,
  ledOutputs,
  outputCode,
  type Tca6507Light,
  tca6507Registers,
} from '../../host/emulator/index.ts';
import { colorName, type Rgb, toHex } from './color.ts';

export const ledNames = ['upper', 'lower'] as const;
export type LedName = (typeof ledNames)[number];

/** Outputs of red, green and blue, as the board wires them. */
const outputs: Record<LedName, readonly [number, number, number]> = {
  lower: [ledOutputs.indexOf('lower.red'), ledOutputs.indexOf('lower.green'), ledOutputs.indexOf('lower.blue')],
  upper: [ledOutputs.indexOf('upper.red'), ledOutputs.indexOf('upper.green'), ledOutputs.indexOf('upper.blue')],
};

const LEVELS = 15;
const MASTER_CODE = 5;
const FIRST_BLINK_CODE = 6;
const RESTART_BANK_0 = 0x08;

export interface LedDescription {
  /** Colour at the top of a blink, or the steady colour. */
  readonly color: Rgb;
  readonly effect: 'off' | 'steady' | 'blink' | 'one_shot';
  /** `#ff8800, orange, blinks every 1.0 s`. */
  readonly text: string;
}

/** The colour that an LED shows at time `t` (seconds, at or after the registers' own time). */
export function ledColorAt(light: Tca6507Light, led: LedName, t: number): Rgb {
  const [red, green, blue] = outputs[led];
  return [light.brightness(red, t) * 255, light.brightness(green, t) * 255, light.brightness(blue, t) * 255];
}

/** What an LED was told to do, in words that do not change while it blinks. */
export function describeLed(registers: ArrayLike<number>, led: LedName): LedDescription {
  const channels = outputs[led].map((output) => channelOf(registers, output));
  const color: Rgb = [channels[0]!.peak, channels[1]!.peak, channels[2]!.peak];
  const lit = channels.filter(({ peak }) => peak > 0);
  if (lit.length === 0) return { color: [0, 0, 0], effect: 'off', text: 'off' };
  const look = `${toHex(color)}, ${colorName(color)}`;
  const bank = lit.find((channel) => channel.bank !== undefined)?.bank;
  if (bank === undefined) return { color, effect: 'steady', text: `${look}, steady` };
  const seconds = `${(cycleLengthMs(blinkCycle(registers, bank)) / 1000).toFixed(1)} s`;
  return isOneShot(registers, bank)
    ? { color, effect: 'one_shot', text: `${look}, once for ${seconds}` }
    : { color, effect: 'blink', text: `${look}, blinks twice in ${seconds}` };
}

/**
 * Value for the initialisation register that begins the one-shots anew which a message announces; 0 for none.
 *
 * A probe reports its registers after every LED command, but not that it wrote the initialisation register. So a
 * one-shot is taken for begun when something about its bank changed, or when nothing changed at all: the same again.
 */
export function oneShotsBegun(before: ArrayLike<number>, after: ArrayLike<number>): number {
  const same = Array.from(after).every((value, register) => value === before[register]);
  let bits = 0;
  for (const bank of [0, 1] as const) {
    if (!isOneShot(after, bank)) continue;
    if (same || bankKey(before, bank) !== bankKey(after, bank)) bits |= RESTART_BANK_0 << (4 * bank);
  }
  return bits;
}

/** What hangs on a bank, and how bright it gets. */
function bankKey(registers: ArrayLike<number>, bank: 0 | 1): string {
  const users = [...outputs.lower, ...outputs.upper].filter(
    (output) => outputCode(registers, output) === FIRST_BLINK_CODE + bank,
  );
  return `${users} ${bankIntensity(registers, bank)}`;
}

function channelOf(registers: ArrayLike<number>, output: number): { peak: number; bank?: 0 | 1 } {
  const code = outputCode(registers, output);
  if (code === 4) return { peak: 255 };
  if (code === MASTER_CODE) {
    return { peak: ((registers[tca6507Registers.MASTER_INTENSITY] ?? 0) & LEVELS) * (255 / LEVELS) };
  }
  if (code < 2) return { peak: 0 };
  const bank = (code & 1) as 0 | 1;
  const peak = bankIntensity(registers, bank) * 255;
  return code >= FIRST_BLINK_CODE ? { peak, bank } : { peak };
}

function isOneShot(registers: ArrayLike<number>, bank: 0 | 1): boolean {
  return (((registers[tca6507Registers.MASTER_INTENSITY] ?? 0) >> (6 + bank)) & 1) === 1;
}
