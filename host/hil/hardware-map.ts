/**
 * The hardware map of a lab, `earl-hil.json`: which targets there are, which probe should sit on each, and which
 * instruments stand beside it (docs/hil.md).
 *
 *     { "version": 1,
 *       "targets": [
 *         { "name": "ball-1", "url": "serial:/dev/ttyACM0", "probe": { "kind": "ball", "id": "02c0ffee00000001" } },
 *         { "name": "ball-virtual", "url": "emu:ball", "instruments": ["virtual"] } ] }
 *
 * Checked field by field: an error names the place in the file and what belongs there.
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import { type ProbeKind, parseId, probeKinds } from '../link/index.ts';
import { transportForms } from '../transport/open.ts';

/** Drivers of instruments. `virtual`: everything, around an emulated board. */
export const instrumentDrivers = ['virtual'] as const;
export type InstrumentDriver = (typeof instrumentDrivers)[number];

export interface TargetSpec {
  readonly name: string;
  /** As for openTransport. */
  readonly url: string;
  /** What should sit there; the identity case compares. */
  readonly probe?: { readonly kind?: ProbeKind; readonly id?: string };
  readonly instruments: readonly InstrumentDriver[];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

/** Reads a map's text. Throws `USAGE`, which names the field. */
export function parseHardwareMap(text: string, file: string): TargetSpec[] {
  const fail = (where: string, what: string): never => {
    throw new EarlError('USAGE', `${file}: ${where}: ${what}`);
  };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new EarlError('USAGE', `${file}: no JSON: ${errorMessage(error)}`, { cause: error });
  }
  const map = fields(content, 'the file', ['version', 'targets'], fail);
  if (map.version !== 1) fail('version', 'write 1');
  if (!Array.isArray(map.targets) || map.targets.length === 0) fail('targets', 'list at least one target');
  const targets = (map.targets as unknown[]).map((target, index) => readTarget(target, `targets[${index}]`, fail));
  refuseTwice(targets, 'name', fail);
  refuseTwice(targets, 'url', fail);
  return targets;
}

type Fail = (where: string, what: string) => never;
type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, where: string, known: readonly string[], fail: Fail): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(where, 'write an object');
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) fail(where, `"${unknown}" is none of ${known.join(', ')}`);
  return value as Fields;
}

function readTarget(value: unknown, where: string, fail: Fail): TargetSpec {
  const target = fields(value, where, ['name', 'url', 'probe', 'instruments'], fail);
  const { name, url } = target;
  if (typeof name !== 'string' || !NAME.test(name)) {
    return fail(`${where}.name`, 'write up to 40 letters, digits, dots, dashes and underscores');
  }
  if (typeof url !== 'string' || !transportForms.some((form) => url.startsWith(form.slice(0, form.indexOf(':') + 1)))) {
    return fail(`${where}.url`, `write one of ${transportForms.join(', ')}`);
  }
  const probe = target.probe === undefined ? undefined : readProbe(target.probe, `${where}.probe`, fail);
  const instruments = readInstruments(target.instruments, url, `${where}.instruments`, fail);
  return { name, url, instruments, ...(probe && { probe }) };
}

function readProbe(value: unknown, where: string, fail: Fail): NonNullable<TargetSpec['probe']> {
  const { kind, id } = fields(value, where, ['kind', 'id'], fail);
  if (kind !== undefined && !(typeof kind === 'string' && Object.hasOwn(probeKinds, kind))) {
    fail(`${where}.kind`, `write one of ${Object.keys(probeKinds).join(', ')}`);
  }
  if (id !== undefined) {
    try {
      parseId(String(id));
    } catch (error) {
      fail(`${where}.id`, errorMessage(error));
    }
  }
  return { ...(kind !== undefined && { kind: kind as ProbeKind }), ...(id !== undefined && { id: String(id) }) };
}

function readInstruments(value: unknown, url: string, where: string, fail: Fail): readonly InstrumentDriver[] {
  if (value === undefined) return defaultInstruments(url);
  if (!Array.isArray(value)) return fail(where, `write a list of ${instrumentDrivers.join(', ')}, or []`);
  for (const [index, driver] of value.entries()) {
    if (!instrumentDrivers.includes(driver)) {
      fail(`${where}[${index}]`, `there is no driver "${String(driver)}"; drivers: ${instrumentDrivers.join(', ')}`);
    }
    if (driver === 'virtual' && !url.startsWith('emu:')) fail(`${where}[${index}]`, '"virtual" is for emu: targets');
  }
  return value as InstrumentDriver[];
}

function defaultInstruments(url: string): readonly InstrumentDriver[] {
  return url.startsWith('emu:') ? ['virtual'] : [];
}

function refuseTwice(targets: readonly TargetSpec[], field: 'name' | 'url', fail: Fail): void {
  for (const [index, target] of targets.entries()) {
    const first = targets.findIndex((other) => other[field] === target[field]);
    if (first < index && !(field === 'url' && target.url.startsWith('emu:'))) {
      fail(`targets[${index}].${field}`, `"${target[field]}" is targets[${first}]'s already`);
    }
  }
}

/** What `--target emu` means: every kind of probe. */
const emulatedKinds = Object.keys(probeKinds) as ProbeKind[];

/**
 * What the user asked for: names of the map, `emu` for all emulated probes, or URLs. Without a wish, the whole map, or
 * `emu` when there is none. Throws `USAGE`.
 */
export function chooseTargets(wishes: readonly string[], map: readonly TargetSpec[]): TargetSpec[] {
  if (wishes.length === 0) return map.length > 0 ? [...map] : chooseTargets(['emu'], map);
  return wishes.flatMap((wish) => {
    const named = map.find(({ name }) => name === wish);
    if (named) return [named];
    if (wish === 'emu') return emulatedKinds.map((kind) => targetOf(`emu:${kind}`, kind));
    if (/^[a-z][a-z0-9]*:./.test(wish))
      return [targetOf(wish, wish.replace(/^[a-z0-9]+:/, '').replace(/[^A-Za-z0-9._-]+/g, '-'))];
    const names = map.map(({ name }) => name).join(', ');
    const known = names === '' ? 'there is no earl-hil.json here' : `the map has ${names}`;
    throw new EarlError(
      'USAGE',
      `"${wish}" is no target: ${known}; or write emu, or one of ${transportForms.join(', ')}`,
    );
  });
}

function targetOf(url: string, name: string): TargetSpec {
  return { name: name.replace(/^-+/, ''), url, instruments: defaultInstruments(url) };
}
