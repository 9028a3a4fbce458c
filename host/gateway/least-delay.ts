/**
 * What a sample takes at least from the probe's stamp to the gateway: its frame on the UART, bit by bit. All else, a radio's
 * connection interval, USB, the operating system, can be next to nothing for a single frame, and the least is what the map of
 * the probe's clock needs (host/link/time-map.ts).
 */

import { encodeFrame, type MessageDefinition, messages } from '../link/index.ts';

const sizes = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4 } as const;
/** Start, eight bits and stop. */
const BITS_PER_BYTE = 10;

/** A frame of the shortest sample. An event's is shorter by a few bytes, and its stamp late by their time. */
const shortestSampleBytes = Math.min(
  ...Object.values<MessageDefinition>(messages)
    .filter(({ fields }) => fields.some(({ senml }) => senml !== undefined))
    .map(({ type, fields }) => {
      const bytes = fields.reduce(
        (sum, { type: kind, length }) => sum + (length ?? sizes[kind as keyof typeof sizes]),
        0,
      );
      return encodeFrame({ type, sequence: 1, payload: new Uint8Array(bytes) }).length;
    }),
);

/** @param baud of the probe's UART; without it nothing is known, and nothing subtracted */
export function leastDelayMs(baud: number | undefined): number {
  return baud === undefined ? 0 : (shortestSampleBytes * BITS_PER_BYTE * 1000) / baud;
}
