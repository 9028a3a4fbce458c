/** Which headers of proxies show that a client is elsewhere; behind real balancers in test/cloud/balancer.test.ts. */
import { expect, it } from 'vitest';
import { isForwardedFromElsewhere } from './forwarded.ts';

it.each([
  [{}, false],
  [{ 'x-forwarded-for': '127.0.0.1' }, false],
  [{ 'x-forwarded-for': '127.0.0.1:4711, ::1, [::1]:4711, ::ffff:127.0.0.1' }, false],
  [{ 'x-forwarded-for': '127.0.0.1, 192.0.2.7' }, true],
  [{ 'x-forwarded-for': '192.0.2.7, 127.0.0.1' }, true],
  [{ 'x-forwarded-for': '' }, true],
  [{ 'x-forwarded-for': 'unknown' }, true],
  [{ 'x-real-ip': '2001:db8::1' }, true],
  [{ 'x-real-ip': '127.0.0.1' }, false],
  [{ forwarded: 'for=127.0.0.1;proto=http;by=203.0.113.43' }, false],
  [{ forwarded: 'for="[::1]:4711";host=x, For="[2001:db8:cafe::17]:4711"' }, true],
  [{ forwarded: 'proto=https;for=_hidden' }, true],
])('%j: from elsewhere %s', (headers, expected) => {
  expect(isForwardedFromElsewhere(headers)).toBe(expected);
});
