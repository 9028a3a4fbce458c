/**
 * The card of one probe: who and how it is, its charts, its controls, its events and details.
 *
 * Controls follow the capabilities that the probe reported. A card is folded or open; folded it keeps state, values,
 * charts and lamps, and its controls do not exist, so that a hundred cards stay light.
 */

import type { CommandRoad } from './command-slot.ts';
import { Details } from './details.ts';
import { h, icon, setAttribute, setIcon, setText, uniqueId } from './dom.ts';
import { EventLog } from './event-log.ts';
import type { Probe } from './fleet.ts';
import { button } from './form.ts';
import { IntervalControl } from './interval-control.ts';
import { LedControls } from './led-controls.ts';
import { LedPreview } from './led-preview.ts';
import type { Painted, Painter } from './painter.ts';
import { type ProbeState, stateNames, stateOf } from './probe-state.ts';
import { formatAge, formatHz, quantitiesOf } from './quantities.ts';
import { type PanelView, QuantityPanel } from './quantity-panel.ts';
import { RoundTrip } from './round-trip.ts';
import { VibrateControls } from './vibrate-controls.ts';

/** What all cards share; the page changes it, the cards read it. */
export interface PageView extends PanelView {
  readonly connected: boolean;
}

const TEXT_PERIOD_MS = 200;
const DESCRIPTION_PERIOD_MS = 5000;
const RATE_SECONDS = 5;

export class Card implements Painted {
  readonly element: HTMLElement;
  readonly probe: Probe;
  private readonly view: () => PageView;
  private readonly road: CommandRoad;
  private readonly roundTrip: RoundTrip;
  private readonly stateIcon = icon('unknown');
  private readonly stateText = h('span', { class: 'state-name' });
  private readonly stateDetail = h('p', { class: 'state-detail' });
  /** What to type at the gateway, for a probe that is not let in. */
  private readonly remedy = h('p', { class: 'remedy', hidden: '' });
  private readonly title = h('h2', { id: uniqueId('probe') });
  private readonly subtitle = h('p', { class: 'subtitle' });
  private readonly stats = {
    rate: stat('Rate'),
    age: stat('Last sample'),
    trip: stat('Round trip'),
    link: stat('Link'),
  };
  private readonly charts = h('div', { class: 'quantities' });
  private readonly lamps = h('div', { class: 'lamps-place' });
  private readonly body = h('div', { class: 'card-body', id: uniqueId('body') });
  private readonly fold: HTMLButtonElement;
  private panels: QuantityPanel[] = [];
  private preview: LedPreview | undefined;
  private interval: IntervalControl | undefined;
  private events: EventLog | undefined;
  private details: Details | undefined;
  private readonly sections: { light?: HTMLElement; vibration?: HTMLElement } = {};
  private builtFor = '';
  private open: boolean;
  /** Somebody has used it: it is theirs, and does not fold by itself. */
  private used = false;
  private nextTextMs = 0;
  private nextDescriptionMs = 0;

  constructor(probe: Probe, road: CommandRoad, view: () => PageView, open: boolean) {
    this.probe = probe;
    this.road = road;
    this.view = view;
    this.open = open;
    this.roundTrip = new RoundTrip(road);
    this.fold = button('', 'fold', () => this.toggle(), { 'aria-controls': this.body.id });
    this.element = h(
      'article',
      { class: 'card', 'aria-labelledby': this.title.id, 'data-probe': probe.key },
      ...this.parts(),
    );
    this.body.addEventListener('focusin', () => {
      this.used = true;
    });
    this.refresh(Date.now());
  }

  /** Makes room among many others, unless somebody works with it. */
  foldIfUnused(): void {
    if (!this.open || this.used) return;
    this.open = false;
    this.refreshState(Date.now());
  }

  /** Kind and short id, as in its heading. */
  get name(): string {
    return titleOf(this.probe).filter(Boolean).join(' ');
  }

  /** What a search box looks into. */
  get searchText(): string {
    return `${this.probe.key} ${this.probe.kind} ${this.probe.status?.id ?? ''}`.toLowerCase();
  }

  attach(painter: Painter): void {
    painter.add(this.element, this);
  }

  shown(visible: boolean): void {
    for (const panel of this.panels) panel.shown(visible);
  }

  paint(nowMs: number): void {
    if (nowMs >= this.nextTextMs || this.nextTextMs - nowMs > TEXT_PERIOD_MS) {
      this.nextTextMs = nowMs + TEXT_PERIOD_MS;
      this.refresh(nowMs);
    }
    for (const panel of this.panels) panel.paintChart(nowMs, this.view());
    this.preview?.paint(nowMs);
  }

  /** Who and how it is; for cards off the screen too, and when the connection changes although updates are paused. */
  refreshState(nowMs: number): ProbeState {
    const state = stateOf(this.probe, this.view().connected, nowMs);
    this.build();
    this.paintState(state, nowMs);
    return state;
  }

  private refresh(nowMs: number): void {
    const state = this.refreshState(nowMs);
    for (const panel of this.panels) panel.paintValues();
    this.events?.paint();
    this.interval?.paint();
    this.details?.paint(
      nowMs,
      this.panels.map((panel) => panel.quantity),
      this.view().windowSeconds,
    );
    if (nowMs >= this.nextDescriptionMs) {
      this.nextDescriptionMs = nowMs + DESCRIPTION_PERIOD_MS;
      for (const panel of this.panels) panel.describe(nowMs, this.view().windowSeconds);
    }
    if (state.name === 'online' || state.name === 'quiet') this.roundTrip.poll(nowMs);
  }

  private parts(): HTMLElement[] {
    const state = h('p', { class: 'state' }, this.stateIcon, this.stateText);
    const { rate, age, trip, link } = this.stats;
    return [
      h('header', { class: 'card-head' }, h('div', { class: 'names' }, this.title, this.subtitle), state, this.fold),
      this.stateDetail,
      this.remedy,
      h('dl', { class: 'stats' }, rate.element, age.element, trip.element, link.element),
      this.charts,
      this.lamps,
      this.body,
    ];
  }

  private paintState(state: ProbeState, nowMs: number): void {
    const { probe, roundTrip, stats } = this;
    const [kind, id] = titleOf(probe);
    const title = this.name;
    if (this.title.dataset.text !== title) {
      this.title.dataset.text = title;
      this.title.replaceChildren(kind, id === '' ? '' : h('span', { class: 'short-id' }, ` ${id}`));
    }
    const firmware = probe.status?.firmware;
    setText(this.subtitle, [probe.site, firmware && `firmware ${firmware}`].filter(Boolean).join(' · '));
    setAttribute(this.element, 'data-state', state.name);
    setIcon(this.stateIcon, state.name);
    setText(this.stateText, stateNames[state.name]);
    setText(this.stateDetail, state.detail === '' ? '' : `${stateNames[state.name]}: ${state.detail}.`);
    this.paintRemedy();
    const age = probe.ageSeconds(nowMs);
    setText(stats.age.value, age === undefined ? '–' : `${formatAge(age)} ago`);
    setText(stats.rate.value, state.name === 'online' ? formatHz(probe.samples.rateHz(RATE_SECONDS)) : '–');
    setText(stats.trip.value, state.name === 'online' ? roundTrip.text : '–');
    setText(stats.link.value, state.name === 'online' ? roundTrip.linkText : '–');
    setText(this.fold, this.open ? 'Less' : 'More');
    setAttribute(this.fold, 'aria-expanded', String(this.open));
    setAttribute(this.fold, 'aria-label', `${this.open ? 'Less' : 'More'} about ${title}`);
  }

  private paintRemedy(): void {
    const remedy = this.probe.status?.remedy ?? '';
    if (this.remedy.dataset.command === remedy) return;
    this.remedy.dataset.command = remedy;
    this.remedy.hidden = remedy === '';
    this.remedy.replaceChildren('To let it in, type at its gateway: ', h('code', {}, remedy));
  }

  /** Adds and removes parts when the probe has told more about itself, or the card was folded or opened. */
  private build(): void {
    const { probe } = this;
    const isIn = probe.status?.quarantined !== true;
    const parts = isIn ? [...(probe.status?.capabilities ?? [])] : [];
    if (probe.leds !== undefined) parts.push('leds');
    const key = `${probe.samples.names} ${parts} ${this.open} ${isIn}`;
    if (key === this.builtFor) return;
    this.builtFor = key;
    this.buildPanels();
    if (parts.includes('leds') && this.preview === undefined) {
      this.preview = new LedPreview(probe);
      this.lamps.append(this.preview.element);
    }
    // Nothing that is in there would be answered by a probe that is not let in.
    this.body.hidden = !this.open || !isIn;
    if (this.open && isIn) this.buildBody(parts);
  }

  private buildPanels(): void {
    const quantities = quantitiesOf(this.probe.samples.names);
    const same =
      quantities.map(({ names }) => names).join() === this.panels.map((panel) => panel.quantity.names).join();
    if (same) return;
    for (const panel of this.panels) panel.shown(false);
    this.panels = quantities.map(
      (quantity, index) => new QuantityPanel(this.probe, quantity, index === 0 && !quantity.stepped),
    );
    this.charts.replaceChildren(...this.panels.map((panel) => panel.element));
    this.nextDescriptionMs = 0;
  }

  /** Controls keep what was typed into them: what exists stays, what is new comes to its place. */
  private buildBody(parts: readonly string[]): void {
    const { road, probe, body } = this;
    if (parts.includes('leds')) this.sections.light ??= block('Light', new LedControls(road).element);
    if (parts.includes('motor')) this.sections.vibration ??= block('Vibration', new VibrateControls(road).element);
    this.interval ??= new IntervalControl(road, probe);
    this.events ??= new EventLog(probe);
    this.details ??= new Details(probe);
    const { light, vibration } = this.sections;
    const wanted = [light, vibration, this.interval.element, this.events.element, this.details.element];
    wanted.forEach((element) => {
      if (element !== undefined && element.parentElement === null) body.append(element);
    });
    // The controls of a part that was reported late belong above the rest.
    for (const element of [vibration, light]) {
      if (element !== undefined && element !== body.firstElementChild) body.prepend(element);
    }
  }

  private toggle(): void {
    this.used = true;
    this.open = !this.open;
    this.refresh(Date.now());
  }
}

function stat(caption: string): { element: HTMLElement; value: HTMLElement } {
  const value = h('dd', {}, '–');
  return { element: h('div', {}, h('dt', {}, caption), value), value };
}

function block(title: string, content: HTMLElement): HTMLElement {
  return h('section', { class: 'block' }, h('h3', {}, title), content);
}

/** Kind and what tells it from its sisters: the end of its id, or its name on the topic. */
function titleOf({ kind, name, status }: Probe): [string, string] {
  const id = status?.id ?? '';
  const shown = kind === 'led_test' ? 'LED test' : kind.charAt(0).toUpperCase() + kind.slice(1);
  if (id !== '' && !/^0+$/.test(id)) return [shown, id.slice(-4)];
  return [shown, name === kind ? '' : name];
}
