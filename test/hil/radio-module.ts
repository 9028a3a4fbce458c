/** A radio module on the UART: what the probe does while nobody is connected to it, and when somebody is again. */
import { expect } from 'vitest';
import type { Bench } from '../../host/hil/bench.ts';
import { hilCase } from './case.ts';

/** Longer than the set-up of a module takes: a second after it starts, then three questions. */
const SETTLED_MS = 3000;
/** In which a wired probe would send some samples. */
const WATCHED_MS = 3000;

/** Bytes that came in a while. */
async function heard(bench: Bench, ms: number): Promise<number> {
  let count = 0;
  const stop = bench.listen((bytes) => {
    count += bytes.length;
  });
  await bench.wait(ms);
  stop();
  return count;
}

export function radioModuleCases(): void {
  hilCase('silent while nobody is connected', { instruments: ['module'] }, async ({ bench, instruments }) => {
    const { boots } = bench.hello;
    const { packets } = bench.statistics();
    instruments.module.setState(false);
    await bench.wait(SETTLED_MS);
    expect(await heard(bench, WATCHED_MS), 'bytes of a probe to which nobody listens').toBe(0);
    instruments.module.setState(true);
    expect((await bench.command({ name: 'ping' })).status).toBe('ok');
    await bench.online(15_000);
    await bench.wait(1000);
    expect(bench.hello.boots).toBe(boots);
    expect(bench.statistics().packets.lost - packets.lost, 'packets lost, by their numbers').toBe(0);
  });

  hilCase('speaks when it is spoken to', { instruments: ['module'] }, async ({ bench, instruments }) => {
    await bench.command({ name: 'set_interval', intervalMs: 10_000 });
    instruments.module.setState(false);
    await bench.wait(SETTLED_MS);
    instruments.module.setState(true);
    const answer = await bench.command({ name: 'ping' });
    expect(answer.status).toBe('ok');
  });

  hilCase('a module that is taken off', { instruments: ['module'] }, async ({ bench, instruments }) => {
    instruments.module.setState(false);
    await bench.wait(SETTLED_MS);
    instruments.module.setState(undefined);
    expect((await bench.command({ name: 'ping' })).status).toBe('ok');
  });
}
