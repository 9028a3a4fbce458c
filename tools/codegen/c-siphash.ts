/** Writes firmware/test/siphash.gen.h: the vectors of test/vectors/siphash.json as a C table. */
import { bytesOf } from '../../test/vectors/vectors.ts';

export interface SiphashVectors {
  readonly about: string;
  /** MACs in hex: number n is that of the n bytes 00 01 02 … */
  readonly macs: readonly string[];
}

/** The whole header. */
export function siphashHeader({ macs }: SiphashVectors): string {
  const rows = macs.map(
    (mac) => `    {${[...bytesOf(mac)].map((b) => `0x${b.toString(16).padStart(2, '0')}`).join(', ')}},`,
  );
  return `/*
 * Generated from test/vectors/siphash.json by tools/codegen (make codegen). Do not edit.
 *
 * SipHash-2-4 under the key 00 01 .. 0f: vector n is the MAC of the n bytes 00 01 02 ...
 */
#ifndef SIPHASH_GEN_H
#define SIPHASH_GEN_H

#include <stdint.h>

#define SIPHASH_VECTORS ${macs.length}u

static const uint8_t siphash_vectors[SIPHASH_VECTORS][8] = {
${rows.join('\n')}
};

#endif
`;
}
