/** Who the probe is, and that it says the same twice. */
import { expect, inject } from 'vitest';
import { capabilities, formatId, probeKinds, resetCauses } from '../../host/link/index.ts';
import { has, hilCase } from './case.ts';

const KNOWN_CAPABILITIES = Object.values(capabilities).reduce((all: number, bit) => all | bit, 0);

export function identityCases(): void {
  hilCase('identity and version', {}, async ({ bench }) => {
    const { hello } = bench;
    const { probe } = inject('hil').target;
    const kind = Object.entries(probeKinds).find(([, value]) => value === hello.kind)?.[0];
    expect(kind, `kind ${hello.kind} of the hello`).toBeDefined();
    if (probe?.kind) expect(kind, 'kind in the hardware map').toBe(probe.kind);
    if (probe?.id) expect(formatId(hello.id), 'id in the hardware map').toBe(probe.id.toLowerCase());
    const version = [hello.versionMajor, hello.versionMinor, hello.versionPatch];
    expect(Math.max(...version), `version ${version.join('.')}`).toBeGreaterThan(0);
    expect(hello.capabilities & ~KNOWN_CAPABILITIES, 'unknown capabilities').toBe(0);
    expect(has(bench, 'provisioned'), 'provisioned, as its id says').toBe(hello.id.some((byte) => byte !== 0));
  });

  hilCase('the same after the cable was out', {}, async ({ bench }) => {
    const { boots, id, kind } = bench.hello;
    await bench.reconnect();
    expect(bench.hello).toMatchObject({ boots, id, kind });
    expect(bench.greetings.map(({ restarted }) => restarted)).toEqual([false]);
  });

  hilCase('authentication', {}, async ({ bench }) => {
    const ask = (nonce: Uint8Array) => bench.command({ name: 'authenticate', nonce });
    const first = await ask(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    if (!has(bench, 'authenticates')) {
      expect(first.status, 'of a probe without a key').toBe('unsupported');
      return;
    }
    const again = await ask(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    const other = await ask(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 8));
    expect([first.status, first.data.length]).toEqual(['ok', 8]);
    expect(again.data, 'the same nonce, the same proof').toEqual(first.data);
    expect(other.data, 'another nonce, another proof').not.toEqual(first.data);
  });

  hilCase('counters', {}, async ({ bench, measured }) => {
    const counters = await bench.counters();
    expect(counters.boots).toBe(bench.hello.boots);
    expect(Object.values(resetCauses)).toContain(counters.resetCause);
    expect(counters.awakeMs).toBeLessThanOrEqual(counters.timeMs);
    expect(counters.rxBytes).toBeGreaterThan(0);
    expect(counters.txBytes).toBeGreaterThan(0);
    // 512 bytes of RAM hold the stack and everything else.
    expect(counters.stackHighWater).toBeGreaterThan(0);
    expect(counters.stackHighWater).toBeLessThan(400);
    measured('stack used', counters.stackHighWater, 'bytes');
  });
}
