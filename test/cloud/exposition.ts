/**
 * A strict reader of Prometheus' text format 0.0.4, written from its grammar: every line is a HELP, a TYPE, or a sample
 * of the family that was described last; histograms are cumulative and complete. Throws at whatever is not.
 */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By the sample's name and labels, `name{a="b"}`, labels in the order of their names. */
  readonly samples: ReadonlyMap<string, number>;
}

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const value = '[+-]?(?:\\d+(?:\\.\\d*)?(?:[eE][+-]?\\d+)?|Inf)|NaN';
const help = new RegExp(`^# HELP (${name}) (.*)$`);
const type = new RegExp(`^# TYPE (${name}) (counter|gauge|histogram|summary|untyped)$`);
const sample = new RegExp(`^(${name})(?:\\{(${label}(?:,${label})*)?\\})? (${value})(?: -?\\d+)?$`);

export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  let described = '';
  let current: string | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    if (line === '') continue;
    const isHelp = help.exec(line);
    const isType = type.exec(line);
    const isSample = sample.exec(line);
    if (isHelp) {
      described = isHelp[1]!;
      if (families.has(described)) throw new Error(`${described} comes twice`);
      families.set(described, { type: 'untyped', help: isHelp[2]!, samples: new Map() });
    } else if (isType) {
      current = isType[1]!;
      const family = families.get(current);
      if (current !== described || family === undefined) throw new Error(`TYPE without HELP: ${line}`);
      family.type = isType[2]!;
    } else if (isSample) {
      const family = current === undefined ? undefined : families.get(current);
      const own = family?.type === 'histogram' ? `${current}(_bucket|_sum|_count)` : current;
      if (!new RegExp(`^${own}$`).test(isSample[1]!)) throw new Error(`a sample of another family: ${line}`);
      const labels = (isSample[2]?.match(new RegExp(label, 'g')) ?? []).sort().join(',');
      const key = `${isSample[1]}{${labels}}`;
      if (family!.samples.has(key)) throw new Error(`a sample comes twice: ${line}`);
      family!.samples.set(key, Number(isSample[3]!.replace('Inf', 'Infinity')));
    } else {
      throw new Error(`no line of the format: ${line}`);
    }
  }
  for (const [title, family] of families) if (family.type === 'histogram') checkHistogram(title, family);
  return families;
}

/** For each set of labels beside `le`. */
function checkHistogram(title: string, { samples }: Family): void {
  const isCount = (key: string) => key.startsWith(`${title}_count`);
  const bucketsOf = new Map<string, [key: string, count: number][]>();
  for (const [key, count] of samples) {
    if (!key.startsWith(`${title}_bucket`)) continue;
    const others = labelsOf(key).filter((one) => !one.startsWith('le='));
    const set = others.join(',');
    bucketsOf.set(set, [...(bucketsOf.get(set) ?? []), [key, count]]);
  }
  if (bucketsOf.size !== [...samples.keys()].filter(isCount).length) throw new Error(`${title}: counts are missing`);
  const ascends = (numbers: readonly number[]) =>
    numbers.every((one, index) => index === 0 || one >= numbers[index - 1]!);
  for (const [set, buckets] of bucketsOf) {
    const bounds = buckets.map(([key]) => Number(/le="([^"]*)"/.exec(key)![1]!.replace('Inf', 'Infinity')));
    const counts = buckets.map(([, count]) => count);
    if (!ascends(bounds) || !ascends(counts)) throw new Error(`${title}: buckets are not cumulative`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${title}: there is no bucket +Inf`);
    const total = samples.get(`${title}_count{${set}}`);
    if (total !== counts.at(-1)) throw new Error(`${title}: the bucket +Inf is not the count`);
  }
}

function labelsOf(key: string): string[] {
  return key.match(new RegExp(label, 'g')) ?? [];
}

/** The one sample of a family that is no histogram, or the `_count` of a histogram. */
export function figure(families: ReadonlyMap<string, Family>, title: string): number {
  const family = families.get(title);
  if (family === undefined) throw new Error(`no metric ${title}`);
  const wanted = family.type === 'histogram' ? `${title}_count{` : `${title}{`;
  const found = [...family.samples].filter(([key]) => key.startsWith(wanted));
  if (found.length !== 1) throw new Error(`${found.length} samples of ${title}`);
  return found[0]![1];
}
