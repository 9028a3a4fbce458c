/**
 * Air time on the LE 1M PHY, and how far it carries.
 *
 * Core Spec Vol 6 Part B 2.1 (packet format: 1 octet preamble, 4 access address, 2 header, payload, 3 CRC; 8 us an octet),
 * 4.1 (T_IFS), Part A 4.2 (co-channel interference). Left out: LE 2M and LE Coded, extended advertising, encryption (no MIC).
 */

const OVERHEAD_OCTETS = 10;
const US_PER_OCTET = 8;

/** Inter frame space between packets of one exchange. */
export const T_IFS_US = 150;
/** A data PDU without payload. */
export const EMPTY_PDU_US = airTimeUs(0);
/** A receiver that has heard no access address this long after the moment it was due gives up. */
export const NO_ANSWER_US = 40 + 16;
/** A packet survives an overlapping one when it is this much stronger. */
export const CO_CHANNEL_DB = 21;
/** Primary advertising channels. */
export const ADVERTISING_CHANNELS = [37, 38, 39] as const;

/** Microseconds on air of a packet with that much payload. */
export function airTimeUs(payloadOctets: number): number {
  return (OVERHEAD_OCTETS + payloadOctets) * US_PER_OCTET;
}

/** Metres. */
export type Position = readonly [x: number, y: number, z?: number];

/** Free-space loss over the first metre at 2440 MHz: 20 log10(4 pi d f / c). */
const LOSS_AT_1_M_DB = 40.2;
const NEAREST_M = 0.1;

/** Log-distance path loss; `exponent` 2 is free space, 2.5 to 4 are rooms and walls. */
export function pathLossDb(a: Position, b: Position, exponent: number): number {
  const distance = Math.hypot(a[0] - b[0], a[1] - b[1], (a[2] ?? 0) - (b[2] ?? 0));
  return LOSS_AT_1_M_DB + 10 * exponent * Math.log10(Math.max(NEAREST_M, distance));
}
