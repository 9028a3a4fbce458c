/** Reads `ble:NAME` and `ble:ADDRESS`, with what may follow after a question mark. */

import { EarlError } from '../../errors/index.ts';

export interface BleAddress {
  /** Advertised name; exactly one of these two is there. */
  readonly name?: string;
  /** `aa:bb:cc:dd:ee:ff`; on macOS the 32 hex digits that the system made up for the peripheral. */
  readonly address?: string;
  /** URL of the adapter (host/radio); whoever opens the transport decides when it is absent. */
  readonly adapter?: string;
  /** Of the module's UART. */
  readonly baud: number;
  /** Of the connection; whoever opens the transport decides when it is absent. */
  readonly intervalMs?: number;
  /** Look at everything that advertises, not only at what names a bridge's service. */
  readonly scanAll: boolean;
}

/** What a probe's module runs at. */
export const DEFAULT_BAUD = 9600;
/** Core specification, volume 4, part E, 7.8.12. */
export const [SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS] = [7.5, 4000] as const;
const known = ['adapter', 'baud', 'interval', 'scan'];

/** Throws `USAGE`. */
export function parseBleUrl(url: string): BleAddress {
  const rest = url.slice('ble:'.length);
  const at = rest.indexOf('?');
  const target = at < 0 ? rest : rest.slice(0, at);
  const parameters = new URLSearchParams(at < 0 ? '' : rest.slice(at + 1));
  const unknown = [...parameters.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(url, `there is no parameter "${unknown}"`);
  const scan = parameters.get('scan') ?? 'bridges';
  if (scan !== 'bridges' && scan !== 'all') throw usage(url, 'scan is "bridges" or "all"');
  const adapter = parameters.get('adapter');
  const interval = parameters.get('interval');
  return {
    ...parseTarget(url, target),
    ...(adapter === null || adapter === '' ? {} : { adapter }),
    baud: numberIn(url, 'baud', parameters.get('baud') ?? `${DEFAULT_BAUD}`, 300, 4_000_000),
    ...(interval === null
      ? {}
      : { intervalMs: numberIn(url, 'interval', interval, SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS) }),
    scanAll: scan === 'all',
  };
}

function parseTarget(url: string, target: string): { name: string } | { address: string } {
  if (/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(target)) {
    return { address: target.toLowerCase().replaceAll('-', ':') };
  }
  const plain = target.toLowerCase().replaceAll('-', '');
  if (/^[0-9a-f]{32}$/.test(plain)) return { address: plain };
  let name: string;
  try {
    name = decodeURIComponent(target);
  } catch {
    throw usage(url, 'a percent sign in a name is written %25');
  }
  if (name.trim() === '') throw usage(url, 'the name is missing');
  return { name };
}

function numberIn(url: string, name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw usage(url, `${name} must be a number from ${least} to ${most}`);
}

function usage(url: string, what: string): EarlError {
  return new EarlError('USAGE', `"${url}": ${what}; write ble:NAME or ble:AA:BB:CC:DD:EE:FF, e.g. ble:Earl44556677`);
}
