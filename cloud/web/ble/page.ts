/**
 * Probes by Web Bluetooth: the user chooses devices, this page talks to them itself, and shows the dashboard's cards.
 *
 * Nothing leaves the page: what probes say goes into a Fleet of its own, commands go back the same way. Devices that the
 * user let this page use before are offered again where the browser remembers them.
 */

/// <reference types="web-bluetooth" />

import type { Clock } from '../../../host/link/index.ts';
import { Card, type PageView } from '../card.ts';
import { setText } from '../dom.ts';
import { Fleet, type Probe } from '../fleet.ts';
import { News } from '../news.ts';
import { Painter } from '../painter.ts';
import { onThemeChange } from '../preferences.ts';
import type { ProbeState } from '../probe-state.ts';
import { DeviceRow } from './device-row.ts';
import { DirectProbe } from './direct-probe.ts';
import { choiceError, obstacle } from './support.ts';
import { requestOptions } from './uart-bridge.ts';

const TICK_MS = 1000;
/** A browser holds fewer connections than this. */
const MAX_DEVICES = 16;

const pageClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

interface Known {
  readonly probe: DirectProbe;
  readonly row: DeviceRow;
}

export class BlePage {
  private readonly root: Document;
  private readonly painter = new Painter();
  private readonly news = new News();
  private readonly devices = new Map<string, Known>();
  private readonly cards = new Map<Probe, Card>();
  private readonly fleet = new Fleet((probe, change) => {
    if (change === 'added') this.added(probe);
  });
  /** Which device speaks for a probe: the last that published as it. */
  private readonly speakers = new Map<string, DirectProbe>();
  private view: PageView = { windowSeconds: 60, theme: 0, connected: true };
  private choosing = false;

  constructor(root: Document) {
    this.root = root;
  }

  async start(): Promise<void> {
    this.find('choose').addEventListener('click', () => void this.choose());
    this.find('window').addEventListener('change', (event) => {
      this.view = { ...this.view, windowSeconds: Number((event.target as HTMLSelectElement).value) };
      this.repaint();
    });
    onThemeChange(() => {
      this.view = { ...this.view, theme: this.view.theme + 1 };
      this.repaint();
    });
    setInterval(() => this.tick(), TICK_MS);
    const usable = await this.look();
    this.root.body.dataset.ready = String(usable);
    if (usable) await this.offerKnown();
  }

  /** Whether the page can use Bluetooth; says why not. */
  private async look(): Promise<boolean> {
    const trouble = await obstacle(window);
    (this.find('choose') as HTMLButtonElement).disabled = trouble?.final === true;
    this.banner(trouble === undefined ? '' : 'failed', trouble?.text ?? '');
    return trouble === undefined;
  }

  /** Only Chromium with its permissions backend remembers; elsewhere there is no such list. */
  private async offerKnown(): Promise<void> {
    const { bluetooth } = navigator;
    if (typeof bluetooth.getDevices !== 'function') return;
    const known = await bluetooth.getDevices().catch(() => []);
    for (const device of known) this.know(device);
  }

  private async choose(): Promise<void> {
    if (this.choosing || !(await this.look())) return;
    this.choosing = true;
    try {
      const device = await navigator.bluetooth.requestDevice(requestOptions);
      this.know(device)?.start();
    } catch (error) {
      const text = choiceError(error);
      this.banner(text === '' ? '' : 'failed', text);
    }
    this.choosing = false;
  }

  private know(device: BluetoothDevice): DirectProbe | undefined {
    const known = this.devices.get(device.id);
    if (known !== undefined) return known.probe;
    if (this.devices.size >= MAX_DEVICES) {
      this.banner('failed', `This page talks to ${MAX_DEVICES} probes at most: reload it to begin anew.`);
      return undefined;
    }
    const probe: DirectProbe = new DirectProbe(device, {
      clock: pageClock,
      random: Math.random,
      publish: (topic, data) => {
        this.speakers.set(topic.slice(0, topic.lastIndexOf('/')), probe);
        this.fleet.take(topic, data, false, Date.now());
      },
      onState: () => this.devices.get(device.id)?.row.refresh(),
    });
    const row = new DeviceRow(probe);
    this.devices.set(device.id, { probe, row });
    this.find('devices').append(row.element);
    return probe;
  }

  private added(probe: Probe): void {
    const client = {
      command: (key: string, ...rest: Parameters<DirectProbe['command']>) => this.speakers.get(key)!.command(...rest),
    };
    const card = new Card(probe, { client, probe: probe.key }, () => this.view, true);
    this.cards.set(probe, card);
    this.find('probes').append(card.element);
    card.attach(this.painter);
    this.find('empty').hidden = true;
  }

  private repaint(): void {
    for (const card of this.cards.values()) this.painter.paintNow(card.element);
  }

  /** Once a second: what has to be said even when no frame is painted. */
  private tick(): void {
    const states = new Map<string, { title: string; state: ProbeState }>();
    const nowMs = Date.now();
    for (const card of this.cards.values()) {
      states.set(card.probe.key, { title: card.name, state: card.refreshState(nowMs) });
    }
    const news = this.news.tell(states);
    if (news !== '') setText(this.find('news'), news);
    for (const { row } of this.devices.values()) row.refresh();
  }

  private banner(kind: string, text: string): void {
    const banner = this.find('banner');
    banner.dataset.kind = kind;
    setText(banner, text);
  }

  private find(id: string): HTMLElement {
    const element = this.root.getElementById(id);
    if (element === null) throw new Error(`index.html has no element "${id}"`);
    return element;
  }
}
