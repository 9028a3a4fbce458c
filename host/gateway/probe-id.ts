/** What a probe is called: the id provisioned into it, or for lack of one a name made of where it is plugged in. */

import { formatId } from '../link/index.ts';

/**
 * 16 hex digits. A probe without an id gets `ffff` and 48 bits of a hash of its transport's URL (FNV-1a, draft-eastlake-fnv,
 * 64 bits): stable as long as it stays on that port.
 */
export function probeId(id: Uint8Array, transportUrl: string): string {
  if (id.some((byte) => byte !== 0)) return formatId(id);
  return `ffff${(fnv1a(transportUrl) & 0xffff_ffff_ffffn).toString(16).padStart(12, '0')}`;
}

function fnv1a(text: string): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n);
  }
  return hash;
}
