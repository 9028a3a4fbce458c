/**
 * Bit times of the USCI_A0 UART in periods of BRCLK (SLAU144, "UART Baud Rate Generation", "Transmit Bit Timing").
 *
 * Low-frequency mode: UCBRx plus one period for the bits that UCBRSx picks. Oversampling: each bit is 16 BITCLK16
 * periods, 17 for the bits that UCBRSx picks, of UCBRx each, plus UCBRFx.
 */

/** Bits of UCA0MCTL. */
export const UCOS16 = 0x01;

/** SLAU144, "BITCLK Modulation Pattern": bit i (start bit first, repeating after 8) is long when the i-th figure is 1. */
const secondStage = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 1, 0, 0, 0, 0, 0, 0],
  [0, 1, 0, 0, 0, 1, 0, 0],
  [0, 1, 0, 1, 0, 1, 0, 0],
  [0, 1, 0, 1, 0, 1, 0, 1],
  [0, 1, 1, 1, 0, 1, 0, 1],
  [0, 1, 1, 1, 0, 1, 1, 1],
  [0, 1, 1, 1, 1, 1, 1, 1],
] as const;

/** Length of bit `index` of a frame, the start bit being 0, in BRCLK periods; at least 1. */
export function bitTicks(divider: number, modulation: number, index: number): number {
  const extra = secondStage[(modulation >> 1) & 7]![index & 7]!;
  if ((modulation & UCOS16) === 0) return Math.max(1, divider + extra);
  return Math.max(1, (16 + extra) * divider + (modulation >> 4));
}

/** More bits than a break, its delimiter or any character has. */
export const longestFrame = 18;
const maximumTables = 64;
const tables = new Map<number, readonly number[]>();

/** `bitEdges` of the longest frame, of which each shorter one is a part; chips that send at the same rate share it. */
export function sharedBitEdges(divider: number, modulation: number): readonly number[] {
  const key = (divider << 8) | modulation;
  let edges = tables.get(key);
  if (edges === undefined) {
    if (tables.size === maximumTables) tables.clear();
    edges = bitEdges(divider, modulation, longestFrame);
    tables.set(key, edges);
  }
  return edges;
}

/** Edges of the bits of a frame: entry i is the time from the start edge to the beginning of bit i. */
export function bitEdges(divider: number, modulation: number, bits: number): number[] {
  const edges = [0];
  for (let index = 0; index < bits; index++) edges.push(edges[index]! + bitTicks(divider, modulation, index));
  return edges;
}
