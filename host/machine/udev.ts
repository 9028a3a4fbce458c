/**
 * What udev's rules make of a device: its group, its mode, whether who sits at the machine may use it, and its properties.
 *
 * Follows udev(7) as far as rules about USB ids go: files in the order of their names, a file in /etc hiding one of the
 * same name in /lib, continued lines, `==` and `!=` with globs, GOTO and LABEL, `=`, `:=` and `+=`. A rule with a match that
 * is not understood here (programs, properties that other rules set, …) counts as one that does not match.
 */

import type { System } from './system.ts';

/** In the order of precedence: a file hides those of the same name in later folders. */
const folders = ['/etc/udev/rules.d', '/run/udev/rules.d', '/usr/local/lib/udev/rules.d', '/lib/udev/rules.d'];

export interface UdevDevice {
  readonly subsystem: 'usb' | 'tty';
  /** Kernel name: `ttyACM0`, `1-1`. */
  readonly kernel: string;
  readonly vendorId: string;
  readonly productId: string;
}

export interface UdevResult {
  readonly group: string;
  readonly mode: number;
  /** Tagged for whoever is logged in at the machine itself. */
  readonly uaccess: boolean;
  /** Properties that rules set. */
  readonly env: ReadonlyMap<string, string>;
  /** The last file that set group, mode or the tag. */
  readonly decidedBy: string | undefined;
}

interface Term {
  readonly key: string;
  readonly operator: '==' | '!=' | '=' | '+=' | '-=' | ':=';
  readonly value: string;
}

export interface RuleFile {
  readonly path: string;
  readonly rules: readonly (readonly Term[])[];
}

export async function readRules(system: System): Promise<RuleFile[]> {
  const paths = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await system.list(folder)) {
      if (name.endsWith('.rules') && !paths.has(name)) paths.set(name, `${folder}/${name}`);
    }
  }
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  return Promise.all(
    sorted.map(async ([, path]) => ({ path, rules: parseRules((await system.readText(path)) ?? '') })),
  );
}

export function parseRules(text: string): Term[][] {
  return text
    .replace(/\\\r?\n/g, '')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) =>
      [...line.matchAll(/([A-Za-z_]+(?:\{[^}]*\})?)\s*(==|!=|\+=|-=|:=|=)\s*"((?:[^"\\]|\\.)*)"/g)].map((match) => ({
        key: match[1]!,
        operator: match[2] as Term['operator'],
        value: match[3]!,
      })),
    );
}

export function applyRules(files: readonly RuleFile[], device: UdevDevice): UdevResult {
  const result = {
    group: 'root',
    mode: undefined as number | undefined,
    uaccess: false,
    env: new Map<string, string>(),
    decidedBy: undefined as string | undefined,
  };
  for (const { path, rules } of files) {
    let skipTo: string | undefined;
    for (const rule of rules) {
      if (skipTo !== undefined && !rule.some(({ key, value }) => key === 'LABEL' && value === skipTo)) continue;
      skipTo = undefined;
      if (!rule.every((term) => !isMatch(term) || matches(term, device))) continue;
      skipTo = rule.find(({ key }) => key === 'GOTO')?.value;
      for (const { key, operator, value } of rule) {
        if (operator === '==' || operator === '!=') continue;
        const name = /^ENV\{(.+)\}$/.exec(key)?.[1];
        if (name !== undefined) result.env.set(name, value);
        else if (key === 'GROUP') result.group = value;
        else if (key === 'MODE') result.mode = Number.parseInt(value, 8);
        else if (key === 'TAG' && value === 'uaccess') result.uaccess = operator !== '-=';
        else continue;
        if (name === undefined) result.decidedBy = path;
      }
    }
  }
  // As udev does it: a group without a mode is given 0660.
  return { ...result, mode: result.mode ?? (result.group === 'root' ? 0o600 : 0o660) };
}

function isMatch({ key, operator }: Term): boolean {
  return operator === '==' || operator === '!=' || key === 'TEST' || key === 'PROGRAM' || key.startsWith('IMPORT');
}

function matches({ key, operator, value }: Term, device: UdevDevice): boolean {
  const actual = attributeOf(key, device);
  if (actual === undefined) return false;
  const equal = actual.some((text) => globMatches(value, text));
  return operator === '!=' ? !equal : operator === '==' && equal;
}

/** What a match key is compared with; several for keys that look at the parents too. */
function attributeOf(key: string, { subsystem, kernel, vendorId, productId }: UdevDevice): string[] | undefined {
  const isUsb = subsystem === 'usb';
  switch (key) {
    case 'ACTION':
      return ['add'];
    case 'SUBSYSTEM':
      return [subsystem];
    case 'SUBSYSTEMS':
      return [subsystem, 'usb'];
    case 'KERNEL':
      return [kernel];
    case 'ENV{DEVTYPE}':
      return [isUsb ? 'usb_device' : ''];
    case 'ATTR{idVendor}':
      return isUsb ? [vendorId] : [];
    case 'ATTR{idProduct}':
      return isUsb ? [productId] : [];
    case 'ATTRS{idVendor}':
    case 'ENV{ID_VENDOR_ID}':
      return [vendorId];
    case 'ATTRS{idProduct}':
    case 'ENV{ID_MODEL_ID}':
      return [productId];
    default:
      return undefined;
  }
}

function globMatches(pattern: string, text: string): boolean {
  return pattern.split('|').some((glob) => {
    const source = glob
      .replace(/[.+^${}()\\]/g, '\\$&')
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')
      .replace(/\[!/g, '[^');
    try {
      return new RegExp(`^${source}$`).test(text);
    } catch {
      return false;
    }
  });
}
