/**
 * Where a request comes from when a proxy on this machine brings it.
 *
 * A cloud on loopback demands no token, because only this machine's programs reach it. A balancer beside it that listens
 * for others makes that wrong. What proxies say of the client's address then keeps others out: a client can add addresses to
 * these headers, but not take away the one that the proxy has written. A proxy that says nothing cannot be noticed.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from './tokens.ts';

/** Whether `X-Forwarded-For`, `X-Real-IP` or `Forwarded` (RFC 7239) name anything but loopback addresses. */
export function isForwardedFromElsewhere(headers: IncomingHttpHeaders): boolean {
  const plain = [headers['x-forwarded-for'], headers['x-real-ip']].flat().filter((value) => value !== undefined);
  const addresses = plain.flatMap((value) => value.split(','));
  const elements = headers.forwarded?.split(/[,;]/).map((element) => element.trim()) ?? [];
  for (const element of elements) if (/^for=/i.test(element)) addresses.push(element.slice(4).replaceAll('"', ''));
  return addresses.some((address) => !isLoopback(withoutPort(address.trim()).replace(/^::ffff:/i, '')));
}

function withoutPort(address: string): string {
  return /^(\[[^\]]*\]|[^:]*):\d+$/.exec(address)?.[1] ?? address;
}
