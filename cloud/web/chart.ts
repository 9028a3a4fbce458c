/**
 * One live chart: a uPlot canvas over a moving window, in the colours of the style sheet.
 *
 * A canvas says nothing to those who cannot see it: the owner (quantity-panel.ts) gives the element that holds it a
 * text that sums it up. Left out on purpose: zoom, legend and cursor; the numbers stand in the card.
 */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Trace {
  /** CSS custom property that holds the colour. */
  readonly color: string;
  /** Dashes in pixels: traces of one chart differ in more than colour. */
  readonly dash: readonly number[];
}

export interface ChartOptions {
  readonly height: number;
  readonly minSpan: number;
  readonly stepped: boolean;
  /** A pause between samples of more than this is a gap in the line. */
  readonly gapSeconds: () => number;
}

/** Below this the numbers of an axis would all be the same. */
const LEAST_SPAN = 1e-6;
const AXIS_WIDTH = 34;
const FONT = '11px system-ui, sans-serif';
const LINE_WIDTH = 1.5;
const END_RADIUS = 2.5;

export class Chart {
  private readonly host: HTMLElement;
  private readonly options: ChartOptions;
  private readonly traces: readonly Trace[];
  private readonly plot: uPlot;
  private readonly resize: ResizeObserver;
  private range: [number, number] = [0, 1];
  private readonly colors = new Map<string, string>();

  constructor(host: HTMLElement, traces: readonly Trace[], options: ChartOptions) {
    this.host = host;
    this.traces = traces;
    this.options = options;
    this.plot = new uPlot(this.plotOptions(), [[], ...traces.map(() => [])], host);
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(host);
  }

  /** Draws times and columns between two times in seconds. */
  draw(data: readonly Float64Array[], fromSeconds: number, toSeconds: number): void {
    this.range = [fromSeconds, toSeconds];
    this.plot.setData(data as unknown as uPlot.AlignedData);
  }

  get width(): number {
    return this.plot.width;
  }

  /** The style sheet's colours changed: look them up again. */
  forgetColors(): void {
    this.colors.clear();
  }

  destroy(): void {
    this.resize.disconnect();
    this.plot.destroy();
  }

  private fit(): void {
    const width = this.host.clientWidth;
    if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.options.height });
  }

  private color(property: string): string {
    const known = this.colors.get(property);
    if (known !== undefined) return known;
    const color = getComputedStyle(this.host).getPropertyValue(property);
    this.colors.set(property, color);
    return color;
  }

  private plotOptions(): uPlot.Options {
    return {
      width: Math.max(1, this.host.clientWidth),
      height: this.options.height,
      padding: [6, 6, 4, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => this.range },
        y: { range: (_plot, min, max) => niceRange(min, max, this.options.minSpan) },
      },
      axes: [{ show: false }, this.valueAxis()],
      series: [{}, ...this.traces.map((trace) => this.series(trace))],
      hooks: { draw: [(plot) => this.drawEnds(plot)] },
    };
  }

  private valueAxis(): uPlot.Axis {
    return {
      size: AXIS_WIDTH,
      gap: 4,
      font: FONT,
      space: 26,
      stroke: () => this.color('--muted'),
      grid: { stroke: () => this.color('--grid'), width: 1 },
      ticks: { show: false },
      ...(this.options.stepped ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] } : {}),
    };
  }

  private series(trace: Trace): uPlot.Series {
    return {
      stroke: () => this.color(trace.color),
      width: LINE_WIDTH,
      dash: [...trace.dash],
      points: { show: false },
      ...(this.traces.length === 1 && !this.options.stepped ? { fill: () => this.color('--fill') } : {}),
      ...(this.options.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
      gaps: (plot, _series, from, to, gaps) => {
        gaps.push(...timeGaps(plot, from, to, this.options.gapSeconds()));
        return gaps;
      },
    };
  }

  /** A dot on the newest value: where the line grows. */
  private drawEnds(plot: uPlot): void {
    const last = plot.data[0].length - 1;
    if (last < 0) return;
    const x = plot.valToPos(plot.data[0][last]!, 'x', true);
    if (x > plot.bbox.left + plot.bbox.width) return;
    this.traces.forEach((trace, index) => {
      const value = plot.data[index + 1]?.[last];
      if (value === undefined || value === null || Number.isNaN(value)) return;
      plot.ctx.beginPath();
      plot.ctx.arc(x, plot.valToPos(value, 'y', true), END_RADIUS * devicePixelRatio, 0, 2 * Math.PI);
      plot.ctx.fillStyle = this.color(trace.color);
      plot.ctx.fill();
    });
  }
}

/** An axis that is at least `minSpan` high and ends on round numbers, so that it does not twitch with every sample. */
export function niceRange(min: number | null, max: number | null, minSpan: number): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, minSpan || 1];
  const span = Math.max(LEAST_SPAN, minSpan || Math.abs(max) * 0.1 || 1);
  const missing = Math.max(0, span - (max - min)) / 2;
  let [low, high] = [min - missing, max + missing];
  // Lux, presses and volts have no negative side: do not draw one.
  if (min >= 0 && low < 0) [low, high] = [0, high - low];
  const step = 10 ** Math.floor(Math.log10((high - low) / 2));
  return [Math.floor(low / step) * step, Math.ceil(high / step) * step];
}

function timeGaps(plot: uPlot, from: number, to: number, gapSeconds: number): uPlot.Series.Gaps {
  const times = plot.data[0];
  const gaps: uPlot.Series.Gaps = [];
  for (let index = from + 1; index <= to; index++) {
    const [before, after] = [times[index - 1]!, times[index]!];
    if (after - before <= gapSeconds) continue;
    const [left, right] = [plot.valToPos(before, 'x', true), plot.valToPos(after, 'x', true)];
    if (right - left >= 2) gaps.push([left, right]);
  }
  return gaps;
}
