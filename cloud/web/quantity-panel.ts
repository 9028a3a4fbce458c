/**
 * One quantity of a probe: its name, its last value with unit, its live chart, and the chart in words.
 *
 * The chart exists only while the card is on the screen: a hundred cards must not keep three hundred canvases.
 */

import { Chart, type Trace } from './chart.ts';
import { h, setAttribute, setText } from './dom.ts';
import type { Probe } from './fleet.ts';
import { reducedMotion } from './preferences.ts';
import { formatNumber, formatWithUnit, type Quantity, unitSymbol } from './quantities.ts';

const traces: readonly Trace[] = [
  { color: '--trace-1', dash: [] },
  { color: '--trace-2', dash: [6, 3] },
  { color: '--trace-3', dash: [2, 2] },
];

const MAIN_HEIGHT = 112;
const SMALL_HEIGHT = 60;

export interface PanelView {
  /** Seconds that the charts show. */
  readonly windowSeconds: number;
  /** The colours changed: draw although nothing moved. */
  readonly theme: number;
}

export class QuantityPanel {
  readonly element: HTMLElement;
  readonly quantity: Quantity;
  private readonly probe: Probe;
  private readonly plot = h('div', { class: 'plot', role: 'img' });
  private readonly values: readonly HTMLElement[];
  private readonly height: number;
  private chart: Chart | undefined;
  private drawnKey = '';
  private drawnTheme = 0;

  /** @param main the first quantity of a card gets more room */
  constructor(probe: Probe, quantity: Quantity, main: boolean) {
    this.probe = probe;
    this.quantity = quantity;
    this.height = main ? MAIN_HEIGHT : SMALL_HEIGHT;
    this.plot.style.height = `${this.height}px`;
    this.values = quantity.names.map(() => h('span', { class: 'number' }, '–'));
    this.element = h('section', { class: main ? 'quantity main' : 'quantity' }, this.heading(), this.plot);
  }

  /** Frees the canvas when the card leaves the screen. */
  shown(visible: boolean): void {
    if (visible) return;
    this.chart?.destroy();
    this.chart = undefined;
  }

  /** Last values; a few times a second is enough to read. */
  paintValues(): void {
    this.quantity.names.forEach((name, index) => {
      setText(this.values[index]!, formatNumber(this.quantity, this.probe.samples.last(name)));
    });
  }

  /** The window up to `nowMs`, drawn when it has moved by a pixel or a sample came. */
  paintChart(nowMs: number, view: PanelView): void {
    const to = nowMs / 1000 - this.probe.offset.seconds;
    const key = this.frameKey(nowMs, view);
    if (this.chart !== undefined && key === this.drawnKey) return;
    this.drawnKey = key;
    this.chart ??= this.makeChart();
    if (this.drawnTheme !== view.theme) this.chart.forgetColors();
    this.drawnTheme = view.theme;
    const from = to - view.windowSeconds;
    this.chart.draw(this.probe.samples.view(this.quantity.names, from), from, to);
  }

  /** Changes when the chart has moved by a pixel or has a new sample; once a second for those who want less motion. */
  private frameKey(nowMs: number, { windowSeconds, theme }: PanelView): string {
    if (reducedMotion()) return `${Math.floor(nowMs / 1000)} ${windowSeconds} ${theme}`;
    const stepMs = (windowSeconds * 1000) / Math.max(100, this.chart?.width ?? 0);
    return `${Math.floor(nowMs / stepMs)} ${this.probe.revision} ${windowSeconds} ${theme}`;
  }

  /** The chart's text alternative; rarely, for nobody listens to a number that changes all the time. */
  describe(nowMs: number, windowSeconds: number): void {
    const from = nowMs / 1000 - this.probe.offset.seconds - windowSeconds;
    const parts = this.quantity.names.map((name) => this.summary(name, from));
    setAttribute(
      this.plot,
      'aria-label',
      `${this.quantity.title}, last ${windowSeconds} seconds: ${parts.join('; ')}.`,
    );
  }

  private summary(name: string, from: number): string {
    const unit = this.probe.units.get(name) ?? '';
    const summary = this.probe.samples.summary(name, from);
    const label = this.quantity.names.length > 1 ? `${name} ` : '';
    if (summary === undefined) return `${label}no samples`;
    const write = (value: number) => formatWithUnit({ ...this.quantity, words: [] }, value, unit);
    const last = formatWithUnit(this.quantity, this.probe.samples.last(name), unit);
    return `${label}now ${last}, between ${write(summary.min)} and ${write(summary.max)}`;
  }

  private heading(): HTMLElement {
    const { names, title } = this.quantity;
    const unit = unitSymbol(this.probe.units.get(names[0] ?? '') ?? '');
    const shown = names.map((name, index) => {
      const label = names.length > 1 ? h('span', { class: `key trace-${index + 1}` }, name) : false;
      return h('span', { class: 'reading' }, label, this.values[index]!);
    });
    const unitText = unit === '' ? false : h('span', { class: 'unit' }, unit);
    return h('div', { class: 'quantity-head' }, h('h3', {}, title), h('p', { class: 'readings' }, ...shown, unitText));
  }

  private makeChart(): Chart {
    return new Chart(this.plot, traces.slice(0, this.quantity.names.length), {
      height: this.height,
      minSpan: this.quantity.minSpan,
      stepped: this.quantity.stepped ?? false,
      gapSeconds: () => (3 * (this.probe.status?.intervalMs || 1000)) / 1000,
    });
  }
}
