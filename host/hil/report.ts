/** The result of a run, for people (a table), for CI servers (JUnit XML) and for programs (JSON). */

import type { CaseResult, TargetResult, Verdict } from './verdict.ts';

const words: Readonly<Record<Verdict, string>> = {
  passed: 'pass',
  failed: 'FAIL',
  'not observed': 'not observed',
  'not present': '-',
  'not run': 'not run',
};

export function countVerdicts(results: readonly TargetResult[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = { passed: 0, failed: 0, 'not observed': 0, 'not present': 0, 'not run': 0 };
  for (const { cases } of results) for (const { verdict } of cases) counts[verdict]++;
  return counts;
}

/** A row for each case, a column for each target; then what failed, what was measured and what was not observed. */
export function tableReport(results: readonly TargetResult[], wallMs: number): string {
  const titles = [...new Set(results.flatMap(({ cases }) => cases.map(({ title }) => title)))];
  const rows = titles.map((title) => [title, ...results.map((result) => cell(result, title))]);
  return [
    ...table([['case', ...results.map(({ target }) => target)], ...rows]),
    ...section('cannot be tested', results.flatMap(describeError)),
    ...section('failed', each(results, 'failed').flatMap(describeFailure)),
    ...section('measured', measurements(results)),
    ...section('not observed', unobserved(results)),
    '',
    summary(results, wallMs),
    '',
  ].join('\n');
}

function cell({ cases }: TargetResult, title: string): string {
  const found = cases.find((entry) => entry.title === title);
  return found ? words[found.verdict] : '';
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return [lines[0]!, widths.map((width) => '-'.repeat(width)).join('  '), ...lines.slice(1)];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function each(results: readonly TargetResult[], verdict: Verdict): CaseResult[] {
  return results.flatMap(({ cases }) => cases.filter((entry) => entry.verdict === verdict));
}

function describeError({ target, url, error }: TargetResult): string[] {
  return error ? [`${target} (${url}): ${error.message}`] : [];
}

function describeFailure({ target, title, reason = '', record }: CaseResult): string[] {
  const [first = '', ...more] = reason.split('\n');
  const where = record === undefined ? [] : [`  wire log: earl hil --replay ${record}`];
  return [`${target}: ${title}: ${first}`, ...more.slice(0, 20).map((line) => `  ${line}`), ...where];
}

function measurements(results: readonly TargetResult[]): string[] {
  return results.flatMap(({ cases }) =>
    cases
      .filter((entry) => entry.measurements.length > 0)
      .map(({ target, title, measurements: list }) => {
        const values = list.map(({ name, value, unit }) => `${name} ${Number(value.toPrecision(4))} ${unit}`);
        return `${target}: ${title}: ${values.join(', ')}`;
      }),
  );
}

/** By what would be needed, as that is what a lab can act on. */
function unobserved(results: readonly TargetResult[]): string[] {
  const byNeed = new Map<string, Set<string>>();
  for (const { target, title, reason = '' } of each(results, 'not observed')) {
    const group = byNeed.get(reason) ?? new Set();
    byNeed.set(reason, group.add(`${title} (${target})`));
  }
  return [...byNeed].flatMap(([need, cases]) => [need, ...[...cases].map((line) => `  ${line}`)]);
}

function summary(results: readonly TargetResult[], wallMs: number): string {
  const counts = countVerdicts(results);
  const broken = results.filter(({ error }) => error !== undefined).length;
  const parts = [
    `${counts.passed} passed`,
    `${counts.failed} failed`,
    `${counts['not observed']} not observed`,
    `${counts['not present']} not present`,
    ...(counts['not run'] > 0 ? [`${counts['not run']} not run`] : []),
    ...(broken > 0 ? [`${broken} of ${results.length} targets could not be tested`] : []),
  ];
  return `${parts.join(', ')}; ${results.length} target${results.length === 1 ? '' : 's'} in ${(wallMs / 1000).toFixed(1)} s`;
}

export function jsonReport(results: readonly TargetResult[], wallMs: number): string {
  return JSON.stringify({
    earl: 'hil',
    version: 1,
    wallMs: Math.round(wallMs),
    counts: countVerdicts(results),
    results,
  });
}

/** JUnit XML as Jenkins and GitLab read it: a suite for each target, `skipped` with the reason for what was not observed. */
export function junitReport(results: readonly TargetResult[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="earl hil">',
    ...results.map(suiteXml),
    '</testsuites>',
    '',
  ].join('\n');
}

function suiteXml({ target, url, cases, error }: TargetResult): string {
  const count = (...verdicts: Verdict[]) => cases.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const attributes = {
    name: target,
    tests: cases.length + (error ? 1 : 0),
    failures: count('failed'),
    errors: error ? 1 : 0,
    skipped: count('not observed', 'not present', 'not run'),
    time: seconds(cases.reduce((sum, { durationMs }) => sum + durationMs, 0)),
  };
  const broken = error
    ? [`<testcase classname="${xml(target)}" name="${xml(url)}"><error message="${xml(error.message)}"/></testcase>`]
    : [];
  return [`<testsuite${attributesXml(attributes)}>`, ...broken, ...cases.map(caseXml), '</testsuite>'].join('\n');
}

function caseXml({ target, title, verdict, reason = '', measurements: list, durationMs }: CaseResult): string {
  const properties = list.map(
    ({ name, value, unit }) => `<property name="${xml(name)}" value="${xml(`${value} ${unit}`)}"/>`,
  );
  const body = [
    ...(properties.length > 0 ? [`<properties>${properties.join('')}</properties>`] : []),
    ...(verdict === 'failed' ? [`<failure message="${xml(reason.split('\n')[0]!)}">${xml(reason)}</failure>`] : []),
    ...(verdict !== 'failed' && verdict !== 'passed' ? [`<skipped message="${xml(`${verdict}: ${reason}`)}"/>`] : []),
  ];
  const attributes = attributesXml({ classname: target, name: title, time: seconds(durationMs) });
  return `<testcase${attributes}>${body.join('')}</testcase>`;
}

function attributesXml(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${xml(String(value))}"`)
    .join('');
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function xml(text: string): string {
  const entities: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;', '\n': '&#10;' };
  // XML 1.0 has no way to write most control characters.
  const printable = [...text].filter((char) => char >= ' ' || char === '\n' || char === '\t').join('');
  return printable.replace(/[<>&"\n]/g, (char) => entities[char]!);
}
