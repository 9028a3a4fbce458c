/**
 * The facts of a probe that are looked up rather than watched: firmware, starts, counters, and the charts as a table.
 *
 * Counters come as the gateway decoded them (host/link/messages.ts, `counters`, and its own); a name that is not in the
 * table below is shown in plain words made of the name.
 */

import type { Json } from '../protocol/index.ts';
import { h, setText } from './dom.ts';
import type { Probe } from './fleet.ts';
import { formatAge, formatNumber, type Quantity, unitSymbol } from './quantities.ts';

const resetWords: Record<string, string> = {
  power_on: 'power on',
  reset_pin: 'reset pin',
  watchdog: 'watchdog',
  software: 'software',
};

/** Deep objects are a mistake somewhere; a page does not follow them for ever. */
const MAX_DEPTH = 3;
const MAX_COUNTERS = 60;

export class Details {
  readonly element: HTMLDetailsElement;
  private readonly probe: Probe;
  private readonly facts = h('dl', { class: 'facts' });
  private readonly counters = h('dl', { class: 'facts' });
  private readonly rows = h('tbody');
  private readonly noCounters = h('p', { class: 'hint' }, 'The gateway has not reported any yet.');

  constructor(probe: Probe) {
    this.probe = probe;
    const head = h(
      'tr',
      {},
      ...['Quantity', 'Unit', 'Last', 'Least', 'Most', 'Mean'].map((text) => h('th', { scope: 'col' }, text)),
    );
    const table = h('table', {}, h('caption', {}, 'Samples in the charts'), h('thead', {}, head), this.rows);
    this.element = h(
      'details',
      { class: 'block' },
      h('summary', {}, 'Details'),
      this.facts,
      h('h4', {}, 'Counters'),
      this.noCounters,
      this.counters,
      h('div', { class: 'table-wrap' }, table),
    );
  }

  paint(nowMs: number, quantities: readonly Quantity[], windowSeconds: number): void {
    if (!this.element.open) return;
    const { status, counters } = this.probe;
    setList(this.facts, [
      ['Topic', this.probe.key],
      ['Id', status?.id ?? '–'],
      ['Firmware', status?.firmware || '–'],
      ['Starts', status === undefined ? '–' : String(status.boots)],
      ['Last reset', resetWords[status?.resetCause ?? ''] ?? status?.resetCause ?? '–'],
      ['Reached by', status?.transport || '–'],
      ['Parts', status?.capabilities.join(', ') || '–'],
      ...healthRows(counters ?? {}),
    ]);
    setList(this.counters, counters === undefined ? [] : counterRows(counters).slice(0, MAX_COUNTERS));
    this.noCounters.hidden = counters !== undefined;
    this.paintTable(nowMs / 1000 - this.probe.offset.seconds - windowSeconds, quantities);
  }

  private paintTable(from: number, quantities: readonly Quantity[]): void {
    const rows = quantities.flatMap((quantity) => quantity.names.map((name) => this.tableRow(quantity, name, from)));
    const now = rows.map((cells) => cells.join('\t')).join('\n');
    if (this.rows.dataset.shown === now) return;
    this.rows.dataset.shown = now;
    this.rows.replaceChildren(
      ...rows.map(([name, ...values]) =>
        h('tr', {}, h('th', { scope: 'row' }, name), ...values.map((value) => h('td', {}, value))),
      ),
    );
  }

  private tableRow(quantity: Quantity, name: string, from: number): string[] {
    const { samples, units } = this.probe;
    const summary = samples.summary(name, from);
    const title = quantity.names.length > 1 ? `${quantity.title} ${name}` : quantity.title;
    const values = [summary?.min, summary?.max, summary?.mean].map((value) =>
      formatNumber({ ...quantity, words: [] }, value),
    );
    return [title, unitSymbol(units.get(name) ?? ''), formatNumber(quantity, samples.last(name)), ...values];
  }
}

/** The counters that people ask for first, in whole sentences; those that a gateway did not report are left out. */
export function healthRows(counters: { [name: string]: Json }): [string, string][] {
  const rows: [string, string][] = [];
  const link = counters.link;
  if (isObject(link) && typeof link.lost === 'number' && typeof link.received === 'number') {
    const all = link.lost + link.received;
    const share = all === 0 ? 0 : (100 * link.lost) / all;
    rows.push(['Lost frames', `${link.lost} of ${all} (${share.toFixed(share < 1 ? 2 : 1)} %)`]);
  }
  const { upMs, awakeMs } = counters;
  if (typeof upMs !== 'number') return rows;
  rows.push(['Running for', formatAge(upMs / 1000)]);
  if (typeof awakeMs === 'number' && upMs > 0)
    rows.push(['CPU awake', `${((100 * awakeMs) / upMs).toFixed(1)} % of that`]);
  return rows;
}

/** Said elsewhere, or not a count. */
const notCounters = new Set(['name', 'time', 'timeMs', 'upMs', 'resetCause', 'boots']);

/** `crcErrors` is written "crc errors"; nested objects put their own name in front. */
export function counterRows(counters: { [name: string]: Json }, prefix = '', depth = 1): [string, string][] {
  return Object.entries(counters).flatMap(([name, value]): [string, string][] => {
    if (notCounters.has(name)) return [];
    const words = `${prefix}${name
      .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
      .replaceAll('_', ' ')
      .toLowerCase()}`;
    if (isObject(value)) return depth < MAX_DEPTH ? counterRows(value, `${words}: `, depth + 1) : [];
    return [[words, typeof value === 'number' ? value.toLocaleString('en') : String(value)]];
  });
}

function isObject(value: Json | undefined): value is { [name: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Terms and descriptions; nodes are kept while the terms stay the same. */
function setList(list: HTMLElement, entries: readonly (readonly [string, string])[]): void {
  const terms = entries.map(([term]) => term).join('\n');
  if (list.dataset.terms !== terms) {
    list.dataset.terms = terms;
    list.replaceChildren(...entries.map(([term]) => h('div', {}, h('dt', {}, term), h('dd'))));
  }
  entries.forEach(([, description], index) => {
    const cell = list.children[index]?.lastElementChild;
    if (cell) setText(cell, description);
  });
}
