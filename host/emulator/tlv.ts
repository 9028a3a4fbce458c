/**
 * Info segment A as it comes from the factory (SLAU144 "Tag-Length-Value"): DCO and ADC10 calibration with checksum.
 *
 * Left out: nothing that SLAS735 lists for this chip. The tag of the ADC10 structure is 0x10.
 */

import { convert, temperatureSensorVolts } from './peripherals/adc10.ts';
import { dcoCalibrations } from './peripherals/dco.ts';

const size = 64;
const tag = { DCO_30: 0x01, ADC10_1: 0x10, EMPTY: 0xfe } as const;
/** Offsets from 0x10C0. */
const offset = { empty: 0x02, adc: 0x1a, gap: 0x2c, dco: 0x36 } as const;

/** The checksum word for an info A: the two's complement of the XOR of all words after it. */
export function tlvChecksum(infoA: Uint8Array): number {
  let exclusive = 0;
  for (let index = 2; index < size; index += 2) exclusive ^= infoA[index]! | (infoA[index + 1]! << 8);
  return -exclusive & 0xffff;
}

/** 64 bytes for 0x10C0-0x10FF, as an ideal typical chip has them. */
export function factoryInfoA(): Uint8Array {
  const bytes = new Uint8Array(size).fill(0xff);
  const words = (at: number, values: readonly number[]) => {
    values.forEach((value, index) => {
      bytes[at + 2 * index] = value & 0xff;
      bytes[at + 2 * index + 1] = value >> 8;
    });
  };
  bytes.set([tag.EMPTY, offset.adc - offset.empty - 2], offset.empty);
  bytes.set([tag.ADC10_1, 16], offset.adc);
  const code = (celsius: number, reference: number) => convert(temperatureSensorVolts(celsius), 0, reference);
  // Gain, offset, 1.5 V factor, its temperatures at 30 and 85 degrees, 2.5 V factor, its temperatures. 0x8000 is 1.0.
  words(offset.adc + 2, [0x8000, 0, 0x8000, code(30, 1.5), code(85, 1.5), 0x8000, code(30, 2.5), code(85, 2.5)]);
  bytes.set([tag.EMPTY, offset.dco - offset.gap - 2], offset.gap);
  bytes.set([tag.DCO_30, 8], offset.dco);
  dcoCalibrations.forEach(({ dcoctl, bcsctl1 }, index) => {
    bytes.set([dcoctl, bcsctl1], offset.dco + 2 + 2 * index);
  });
  words(0, [tlvChecksum(bytes)]);
  return bytes;
}
