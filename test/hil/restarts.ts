/** Every way a probe can start again, and whether it says so. */
import { expect } from 'vitest';
import { resetCauses } from '../../host/link/index.ts';
import { hilCase } from './case.ts';

const RESTART_MS = 15_000;
/** The watchdog's longest time on a slow VLO: 32,768 periods of 4 kHz. */
const WATCHDOG_MS = 10_000;

export function restartCases(): void {
  hilCase('reset by command', {}, async ({ bench }) => {
    const { boots } = bench.hello;
    expect((await bench.command({ name: 'reset' })).status).toBe('ok');
    const hello = await bench.restart(RESTART_MS);
    expect(hello).toMatchObject({ boots: boots + 1, resetCause: resetCauses.software });
    expect((await bench.command({ name: 'ping' })).status).toBe('ok');
  });

  hilCase('reset button', { instruments: ['power'] }, async ({ bench, instruments }) => {
    const { boots } = bench.hello;
    instruments.power.pressReset();
    const hello = await bench.restart(RESTART_MS);
    expect(hello).toMatchObject({ boots: boots + 1, resetCause: resetCauses.reset_pin });
  });

  hilCase('power off and on', { instruments: ['power'] }, async ({ bench, instruments }) => {
    instruments.power.cycle();
    const hello = await bench.restart(RESTART_MS);
    expect(hello).toMatchObject({ boots: 1, resetCause: resetCauses.power_on });
  });

  hilCase('brown-out', { instruments: ['power'] }, async ({ bench, instruments }) => {
    await bench.command({ name: 'reset' }); // so that boots is not 1 already
    await bench.restart(RESTART_MS);
    bench.forget();
    instruments.power.dip();
    const hello = await bench.restart(RESTART_MS);
    expect(hello).toMatchObject({ boots: 1, resetCause: resetCauses.power_on });
  });

  hilCase('watchdog', { instruments: ['faults'] }, async ({ bench, instruments, measured }) => {
    const { boots } = bench.hello;
    const hungAt = bench.nowMs();
    instruments.faults.hangCpu();
    const hello = await bench.restart(WATCHDOG_MS + RESTART_MS);
    measured('back after', (bench.nowMs() - hungAt) / 1000, 's');
    expect(hello).toMatchObject({ boots: boots + 1, resetCause: resetCauses.watchdog });
    expect((await bench.command({ name: 'ping' })).status).toBe('ok');
  });
}
