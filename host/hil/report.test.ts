import { expect, test } from 'vitest';
import { jsonReport, junitReport, tableReport } from './report.ts';
import type { CaseResult, TargetResult } from './verdict.ts';

const about = { measurements: [], durationMs: 12.4 };
const ball: CaseResult[] = [
  {
    ...about,
    target: 'ball',
    title: 'a',
    verdict: 'passed',
    measurements: [{ name: 'rate', value: 4.00049, unit: 'Hz' }],
  },
  {
    ...about,
    target: 'ball',
    title: 'b',
    verdict: 'failed',
    reason: 'expected <1> & "2"\nsecond line',
    record: 'x.jsonl',
  },
  { ...about, target: 'ball', title: 'c', verdict: 'not observed', reason: 'needs a lamp' },
];
const results: TargetResult[] = [
  { target: 'ball', url: 'emu:ball', cases: ball },
  { target: 'arm', url: 'serial:/dev/x', cases: [], error: { code: 'TRANSPORT_NOT_FOUND', message: 'no port' } },
];

test('a table that never calls an unobserved case passed', () => {
  expect(tableReport(results, 1500).split('\n')).toEqual([
    'case  ball          arm',
    '----  ------------  ---',
    'a     pass',
    'b     FAIL',
    'c     not observed',
    '',
    'cannot be tested:',
    '  arm (serial:/dev/x): no port',
    '',
    'failed:',
    '  ball: b: expected <1> & "2"',
    '    second line',
    '    wire log: earl hil --replay x.jsonl',
    '',
    'measured:',
    '  ball: a: rate 4 Hz',
    '',
    'not observed:',
    '  needs a lamp',
    '    c (ball)',
    '',
    '1 passed, 1 failed, 1 not observed, 0 not present, 1 of 2 targets could not be tested; 2 targets in 1.5 s',
    '',
  ]);
});

test('JUnit: failures, errors, what was skipped and why', () => {
  const xml = junitReport(results);
  expect(xml).toContain('<testsuite name="ball" tests="3" failures="1" errors="0" skipped="1" time="0.037">');
  expect(xml).toContain('<failure message="expected &lt;1&gt; &amp; &quot;2&quot;">');
  expect(xml).toContain('<skipped message="not observed: needs a lamp"/>');
  expect(xml).toContain('<property name="rate" value="4.00049 Hz"/>');
  expect(xml).toContain('<testsuite name="arm" tests="1" failures="0" errors="1" skipped="0" time="0.000">');
  expect(xml).toContain('<error message="no port"/>');
});

test('JSON carries everything', () => {
  const report = JSON.parse(jsonReport(results, 1500.4));
  expect(report).toMatchObject({ earl: 'hil', version: 1, wallMs: 1500, counts: { passed: 1, 'not observed': 1 } });
  expect(report.results).toEqual(results);
});
