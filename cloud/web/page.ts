/**
 * The page around the cards: connection and its banner, search, window of the charts, pause.
 *
 * Cards stand in the order of site, kind and name. The search box comes with the eleventh probe.
 */

import { errorMessage } from '../../errors/index.ts';
import type { CloudClient } from '../client/client.ts';
import { Card, type PageView } from './card.ts';
import { Company } from './company.ts';
import { icon, setIcon, setText } from './dom.ts';
import { Fleet, type Probe } from './fleet.ts';
import { News } from './news.ts';
import { Painter } from './painter.ts';
import { onThemeChange } from './preferences.ts';
import { type ProbeState, stateOf } from './probe-state.ts';
import { formatMs } from './quantities.ts';

const SEARCH_FROM_PROBES = 11;
/** With more cards than this, those that nobody uses are folded. */
const OPEN_CARDS = 6;
const TICK_MS = 1000;
const CLOUD_PING_TICKS = 5;
const GOOD_NEWS_MS = 4000;

export class Page {
  private readonly client: CloudClient;
  private readonly root: Document;
  private readonly painter = new Painter();
  private readonly cards = new Map<Probe, Card>();
  private readonly fleet = new Fleet((probe, change) => (change === 'added' ? this.added(probe) : this.removed(probe)));
  private readonly news = new News();
  private readonly company: Company;
  private readonly linkIcon = icon('unknown');
  private view: PageView = { windowSeconds: 60, theme: 0, connected: false };
  private everConnected = false;
  private lostAt: Date | undefined;
  private lostReason = '';
  private pausedAt: Date | undefined;
  /** Why the cloud will not have this page; nothing is tried again. */
  private refused = '';
  private ticks = 0;
  private goodNewsUntilMs = 0;

  constructor(client: CloudClient, root: Document) {
    this.client = client;
    this.root = root;
    this.company = new Company(client, this.find('here'));
  }

  /** Connects and listens; returns at once, everything else happens by itself. */
  start(): void {
    this.find('link-icon').append(this.linkIcon);
    this.listen();
    this.client.onState((connected, reason) => this.connection(connected, reason));
    this.connection(this.client.connected);
    this.company.start();
    this.client
      .subscribe('+/+/+', (topic, data, retained) => this.fleet.take(topic, data, retained, Date.now()))
      .catch((error: unknown) => {
        this.refused = errorMessage(error);
        this.tick();
      });
    setInterval(() => this.tick(), TICK_MS);
  }

  private listen(): void {
    this.find('pause').addEventListener('click', () => this.pause(this.pausedAt === undefined));
    this.find('search').addEventListener('input', () => this.filter());
    this.find('window').addEventListener('change', (event) => {
      const { value } = event.target as HTMLSelectElement;
      this.view = { ...this.view, windowSeconds: Number(value) };
      for (const card of this.cards.values()) this.painter.paintNow(card.element);
    });
    onThemeChange(() => {
      this.view = { ...this.view, theme: this.view.theme + 1 };
      for (const card of this.cards.values()) this.painter.paintNow(card.element);
    });
  }

  private added(probe: Probe): void {
    const road = { client: this.client, probe: probe.key };
    const card = new Card(probe, road, () => this.view, this.cards.size < OPEN_CARDS);
    this.cards.set(probe, card);
    this.place(card);
    card.attach(this.painter);
    this.company.at(this.sites);
    if (this.cards.size > OPEN_CARDS) for (const other of this.cards.values()) other.foldIfUnused();
    this.filter();
  }

  private get sites(): ReadonlySet<string> {
    return new Set([...this.cards.keys()].map(({ site }) => site));
  }

  /** Puts a card where its kind and name belong; the others stay where they are. */
  private place(card: Card): void {
    const key = sortKey(card.probe);
    card.element.dataset.place = key;
    const placeOf = (other: Card) => other.element.dataset.place ?? '';
    const after = [...this.cards.values()].filter((other) => other !== card && placeOf(other) > key);
    after.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
    this.find('probes').insertBefore(card.element, after[0]?.element ?? null);
  }

  /** A probe whose kind became known later moves to its place, but not from under somebody's hands. */
  private placeAgain(): void {
    for (const card of this.cards.values()) {
      const misplaced = card.element.dataset.place !== sortKey(card.probe);
      if (misplaced && !card.element.contains(this.root.activeElement)) this.place(card);
    }
  }

  private removed(probe: Probe): void {
    const card = this.cards.get(probe);
    if (card === undefined) return;
    this.painter.remove(card.element);
    card.shown(false);
    card.element.remove();
    this.cards.delete(probe);
    this.company.at(this.sites);
    this.filter();
  }

  private connection(connected: boolean, reason?: string): void {
    this.view = { ...this.view, connected };
    if (connected) {
      if (this.lostAt !== undefined && this.everConnected) this.goodNewsUntilMs = Date.now() + GOOD_NEWS_MS;
      this.everConnected = true;
      this.lostAt = undefined;
    } else {
      this.lostAt ??= new Date();
      this.lostReason = reason ?? this.lostReason;
    }
    // A card must not look alive while nothing can reach it, paused or not.
    for (const card of this.cards.values()) card.refreshState(Date.now());
    this.tick();
  }

  private pause(paused: boolean): void {
    this.pausedAt = paused ? new Date() : undefined;
    setText(this.find('pause-text'), paused ? 'Resume updates' : 'Pause updates');
    this.root.body.dataset.paused = String(paused);
    this.painter.setPaused(paused);
    this.tick();
  }

  private filter(): void {
    const search = this.find('search') as HTMLInputElement;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.find('search-field').hidden = this.cards.size < SEARCH_FROM_PROBES && words.length === 0;
    let shown = 0;
    for (const card of this.cards.values()) {
      const found = words.every((word) => card.searchText.includes(word));
      card.element.hidden = !found;
      if (found) shown++;
    }
    setText(this.find('search-result'), words.length === 0 ? '' : `${shown} of ${this.cards.size}`);
    this.find('empty').hidden = this.cards.size > 0;
  }

  /** Once a second: what changes slowly, and what has to be said even when no frame is painted. */
  private tick(): void {
    const nowMs = Date.now();
    const { connected } = this.view;
    setIcon(this.linkIcon, connected ? 'online' : 'unknown');
    this.root.body.dataset.connected = String(connected);
    setText(this.find('link-text'), this.linkText());
    if (this.pausedAt === undefined && this.root.visibilityState === 'visible') {
      setText(this.find('counts'), this.countText(nowMs));
      this.refreshCards(nowMs);
      this.placeAgain();
    }
    this.paintBanner(nowMs);
    if (connected && this.ticks++ % CLOUD_PING_TICKS === 0) void this.pingCloud();
    if (!connected) setText(this.find('cloud-ping'), '');
  }

  private refreshCards(nowMs: number): void {
    const states = new Map<string, { title: string; state: ProbeState }>();
    for (const card of this.cards.values()) {
      states.set(card.probe.key, { title: card.name, state: card.refreshState(nowMs) });
    }
    const news = this.news.tell(states);
    if (news !== '') setText(this.find('news'), news);
  }

  private linkText(): string {
    if (this.view.connected) return 'Connected';
    if (this.refused !== '') return 'Refused';
    return this.everConnected ? 'Reconnecting' : 'Connecting';
  }

  private paintBanner(nowMs: number): void {
    if (this.refused !== '') {
      this.banner('failed', `The cloud refused this page: ${this.refused}`);
    } else if (this.lostAt !== undefined && this.everConnected) {
      const why = this.lostReason === '' ? '' : ` (${this.lostReason})`;
      this.banner(
        'failed',
        `No connection to the cloud since ${clock(this.lostAt)}${why}. Trying again; what you see is old.`,
      );
    } else if (this.lostAt !== undefined) {
      const why = this.lostReason === '' ? '' : `: ${this.lostReason}`;
      this.banner('waiting', `Connecting to the cloud${why}…`);
    } else if (this.pausedAt !== undefined) {
      this.banner(
        'waiting',
        `Paused since ${clock(this.pausedAt)}. Samples are still received; only the picture stands still.`,
      );
    } else if (nowMs < this.goodNewsUntilMs) {
      this.banner('ok', 'Connected again.');
    } else {
      this.banner('', '');
    }
  }

  private banner(kind: string, text: string): void {
    const banner = this.find('banner');
    banner.dataset.kind = kind;
    setText(banner, text);
  }

  private countText(nowMs: number): string {
    const total = this.cards.size;
    const online = [...this.cards.keys()].filter(
      (probe) => stateOf(probe, this.view.connected, nowMs).name === 'online',
    );
    const refused = this.fleet.refused > 0 ? ', and more than this page can show' : '';
    return total === 0 ? '' : `${online.length} of ${total} ${total === 1 ? 'probe' : 'probes'} online${refused}`;
  }

  private async pingCloud(): Promise<void> {
    if (this.root.visibilityState !== 'visible') return;
    const text = await this.client.ping().then(
      (ms) => `cloud ${formatMs(ms)}`,
      () => '',
    );
    if (this.pausedAt === undefined) setText(this.find('cloud-ping'), text);
  }

  private find(id: string): HTMLElement {
    const element = this.root.getElementById(id);
    if (element === null) throw new Error(`index.html has no element "${id}"`);
    return element;
  }
}

function sortKey({ site, kind, name }: Probe): string {
  return `${site} ${kind} ${name}`;
}

function clock(date: Date): string {
  return date.toLocaleTimeString([], { hour12: false });
}
