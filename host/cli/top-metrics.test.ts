import { expect, test } from 'vitest';
import { readMetrics, rowOf, silentWorkers } from './top-metrics.ts';

/** What a process says after so many messages and so many delays of the event loop up to 10 ms, 100 ms and beyond. */
function text(process: string, messages: number, lags: readonly [number, number, number], started = 1000): string {
  const label = `process="${process}"`;
  return `# HELP earl_connections Clients.
# TYPE earl_connections gauge
earl_connections{${label}} 3
earl_messages_received_total{${label}} ${messages}
earl_messages_sent_total{${label}} ${2 * messages}
earl_event_loop_lag_seconds_bucket{le="0.01",${label}} ${lags[0]}
earl_event_loop_lag_seconds_bucket{le="0.1",${label}} ${lags[1]}
earl_event_loop_lag_seconds_bucket{le="+Inf",${label}} ${lags[2]}
earl_event_loop_lag_seconds_sum{${label}} 1.5
earl_event_loop_lag_seconds_count{${label}} ${lags[2]}
earl_waiting_bytes{${label}} 4096
process_resident_memory_bytes{${label}} 1.5e+08
process_start_time_seconds{${label}} ${started}
nodejs_unrelated 1
`;
}

const row = (now: string, before?: string, apartMs = 2000) =>
  rowOf('7', readMetrics(now, 10_000 + apartMs).get('7')!, before ? readMetrics(before, 10_000).get('7') : undefined);

test('the first look has no rates', () => {
  expect(row(text('7', 500, [1, 1, 1]))).toEqual({
    process: '7',
    connections: 3,
    inPerSecond: undefined,
    outPerSecond: undefined,
    lagP99Ms: undefined,
    serviceP99Ms: undefined,
    queueBytes: 4096,
    memoryBytes: 1.5e8,
    cpu: undefined,
    slowConsumers: 0,
    draining: false,
  });
});

test('rates are those between two looks', () => {
  const { inPerSecond, outPerSecond } = row(text('7', 600, [0, 0, 0]), text('7', 500, [0, 0, 0]));
  expect([inPerSecond, outPerSecond]).toEqual([50, 100]);
});

test.each([
  // Of 100 new ones the 99th is in the middle of the two in the second bucket.
  [[1098, 1100, 1100], 55],
  // All in the first bucket: 99 % of its width.
  [[1100, 1100, 1100], 9.9],
  // Beyond the last bound nothing more is known.
  [[1000, 1000, 1100], 100],
  // Nothing was observed.
  [[1000, 1000, 1000], undefined],
] as const)('the 99th percentile of %j since 1000 is %s ms', (lags, expected) => {
  expect(row(text('7', 0, lags), text('7', 0, [1000, 1000, 1000])).lagP99Ms).toBe(expected);
});

test('a process that started anew is not compared with the one before', () => {
  expect(row(text('7', 10, [0, 0, 0], 2000), text('7', 500, [0, 0, 0], 1000)).inPerSecond).toBeUndefined();
});

test('several processes in one text are kept apart', () => {
  const readings = readMetrics(text('7', 1, [0, 0, 0]) + text('8', 2, [0, 0, 0]), 0);
  expect([...readings].map(([process, { values }]) => [process, values.get('earl_messages_received_total')])).toEqual([
    ['7', 1],
    ['8', 2],
  ]);
});

test('with workers each process tells which it is, and what the primary says of one is not its own', () => {
  const told = `earl_hub_waiting_bytes{worker="2",process="1"} 5
process_start_time_seconds{worker="primary",process="1"} 7
earl_connections{worker="2",process="9"} 4
process_start_time_seconds{worker="2",process="9"} 8
earl_worker_unanswered{worker="2",process="1"} 0
earl_worker_unanswered{worker="3",process="1"} 1
`;
  const readings = readMetrics(told, 0);
  expect([...readings].map(([process, { worker }]) => [process, worker])).toEqual([
    ['1', 'primary'],
    ['9', '2'],
  ]);
  expect(rowOf('9', readings.get('9')!, undefined)).toMatchObject({ worker: '2', connections: 4 });
  expect(silentWorkers(told)).toEqual(['3']);
});
