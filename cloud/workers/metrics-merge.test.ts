/** Several expositions as one. */
import { Counter, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { mergeExpositions } from './metrics-merge.ts';

async function textOf(deliveries: number): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ process: '7' });
  new Counter({ name: 'earl_deliveries_total', help: 'Messages.', registers: [registry] }).inc(deliveries);
  const lag = new Histogram({ name: 'earl_lag_seconds', help: 'Late.', buckets: [0.1, 1], registers: [registry] });
  lag.observe(0.05);
  return await registry.metrics();
}

it('each family once, with the samples of all workers told apart', async () => {
  const merged = mergeExpositions([
    { worker: '1', text: await textOf(3) },
    { worker: '2', text: await textOf(5) },
  ]);
  const lines = merged.split('\n');
  for (const name of ['earl_deliveries_total', 'earl_lag_seconds']) {
    expect(lines.filter((line) => line.startsWith(`# HELP ${name} `))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith(`# TYPE ${name} `))).toHaveLength(1);
  }
  expect(lines).toContain('earl_deliveries_total{worker="1",process="7"} 3');
  expect(lines).toContain('earl_deliveries_total{worker="2",process="7"} 5');
  expect(lines).toContain('earl_lag_seconds_bucket{worker="2",le="0.1",process="7"} 1');
  // A family's samples stand together, after its head.
  const families = lines.filter((line) => line !== '').map((line) => /earl_(?:deliveries|lag)/.exec(line)![0]);
  expect(families.lastIndexOf('earl_deliveries')).toBeLessThan(families.indexOf('earl_lag'));
});

it('samples that name a worker keep it, those without labels get one', () => {
  const text = '# TYPE earl_hub_waiting_bytes gauge\nearl_hub_waiting_bytes{worker="2",process="1"} 4\n';
  const plain = '# HELP up Up.\n# TYPE up gauge\nup 1\n';
  expect(
    mergeExpositions([
      { worker: 'primary', text },
      { worker: 'primary', text: plain },
      { worker: '1', text: '' },
    ]),
  ).toBe(
    '# TYPE earl_hub_waiting_bytes gauge\nearl_hub_waiting_bytes{worker="2",process="1"} 4\n\n# HELP up Up.\n# TYPE up gauge\nup{worker="primary"} 1\n',
  );
});
