/**
 * What the quantities of a sample are called, and how their numbers are written.
 *
 * The names and units are those that host/link/messages.ts gives its fields; a quantity that is not in the table is
 * shown all the same, under its own name and unit.
 */

/** One chart: a quantity, or several that share an axis. */
export interface Quantity {
  readonly title: string;
  /** SenML names, one trace each. */
  readonly names: readonly string[];
  readonly decimals: number;
  /** Least height of the axis, so that noise does not look like news. */
  readonly minSpan: number;
  /** Values that hold until the next one: drawn as steps, on an axis of whole numbers. */
  readonly stepped?: boolean;
  /** Words for whole values, in place of a number. */
  readonly words?: readonly string[];
}

const known: readonly Quantity[] = [
  { title: 'Acceleration', names: ['x', 'y', 'z'], decimals: 2, minSpan: 4 },
  { title: 'Illuminance', names: ['light'], decimals: 0, minSpan: 40 },
  { title: 'Button', names: ['button'], decimals: 0, minSpan: 1, stepped: true, words: ['released', 'pressed'] },
  { title: 'Presses', names: ['presses'], decimals: 0, minSpan: 4, stepped: true },
  { title: 'Temperature', names: ['temp'], decimals: 1, minSpan: 2 },
  { title: 'Supply', names: ['supply'], decimals: 2, minSpan: 0.2 },
];

/** Symbols of SenML units whose name is not what people write. */
const symbols: Record<string, string> = { Cel: '°C', 'm/s2': 'm/s²', count: '', '/': '', '%RH': '%', '%EL': '%' };

/** The charts for these SenML names, known ones first and in the table's order. */
export function quantitiesOf(names: readonly string[]): Quantity[] {
  const rest = new Set(names);
  const found: Quantity[] = [];
  for (const quantity of known) {
    const present = quantity.names.filter((name) => rest.delete(name));
    if (present.length > 0) found.push({ ...quantity, names: present });
  }
  for (const name of rest) found.push({ title: name || 'value', names: [name], decimals: 2, minSpan: 0 });
  return found;
}

/** `Cel` is written °C. */
export function unitSymbol(unit: string): string {
  return symbols[unit] ?? unit;
}

/** The number alone; a dash when there is none. */
export function formatNumber(quantity: Quantity, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  const word = quantity.words?.[value];
  if (word !== undefined) return word;
  // A true minus keeps the width of a digit and reads as a number.
  return value
    .toFixed(quantity.decimals)
    .replace(/^-(?=0(\.0*)?$)/, '')
    .replace('-', '−');
}

/** `412 lx`, `pressed`. */
export function formatWithUnit(quantity: Quantity, value: number | undefined, unit: string): string {
  const symbol = unitSymbol(unit);
  const number = formatNumber(quantity, value);
  return symbol === '' || number === '–' ? number : `${number} ${symbol}`;
}

/** `0.3 s`, `42 s`, `3 min`, `2 h`: an age that is read at a glance. */
export function formatAge(seconds: number): string {
  const age = Math.max(0, seconds);
  if (age < 9.95) return `${age.toFixed(1)} s`;
  if (age < 119.5) return `${Math.round(age)} s`;
  if (age < 7200) return `${Math.round(age / 60)} min`;
  return `${Math.round(age / 3600)} h`;
}

/** `4.0 Hz`, `0.10 Hz`, `50 Hz`. */
export function formatHz(hz: number | undefined): string {
  if (hz === undefined) return '–';
  return `${hz < 1 ? hz.toFixed(2) : hz < 20 ? hz.toFixed(1) : hz.toFixed(0)} Hz`;
}

/** `3.4 ms`, `41 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
