/**
 * The gateway: relays probes to the cloud and commands back.
 *
 * For every transport it keeps a ProbeLink, for every probe id that it has met a Probe. Samples, events, status, LED
 * state and counters go up through one Uplink under `site/<id>/<channel>`; commands come down by `serve`. A probe is
 * the same wherever it is plugged in: meeting its id on a second transport, the newest wins and the other one is let go
 * until the probe is lost there.
 *
 * Silence has three grades: a frame lost on the way is a gap in the sequence numbers and only counted; a probe that
 * sends no sample for three intervals is published as quiet; one that does not even answer a greeting is offline, and
 * its transport is opened anew.
 */

import type { CloudClient, CommandCall } from '../../cloud/client/client.ts';
import type { CommandObject, CommandResult, Json } from '../../cloud/protocol/messages.ts';
import { errorMessage } from '../../errors/index.ts';
import {
  type Clock,
  isSample,
  type MessageOf,
  type ProbeMessage,
  type Received,
  type Refusal,
  type SessionState,
  senmlPack,
} from '../link/index.ts';
import type { TrustPolicy } from '../probes/index.ts';
import type { Transport } from '../transport/transport.ts';
import { execute, failed } from './command.ts';
import type { Log } from './log.ts';
import { Probe } from './probe.ts';
import { probeId } from './probe-id.ts';
import { ProbeLink } from './probe-link.ts';
import { authenticationBy, Quarantine } from './probe-quarantine.ts';
import { defaultSpoolLimits, type SpoolLimits, type SpoolMessage } from './spool.ts';
import { Uplink } from './uplink.ts';

export const defaultGatewayTimes = {
  /** Between two looks at a probe's counters. */
  countersMs: 10_000,
  /** Beyond three intervals without a sample, before a probe is called quiet. */
  quietGraceMs: 1000,
  /** Rest of a transport that met a probe which is connected elsewhere. */
  displacedMs: 30_000,
  /** Rest of a transport that is exclusive, and has no probe behind it. */
  strangerMs: 120_000,
  reconnectFirstMs: 250,
  reconnectLongestMs: 5000,
  /** Longest wait for the last acknowledgements at the end. */
  drainMs: 800,
};

/**
 * From so many probes on samples are gathered for so long: they come often enough to share messages, which spares the
 * cloud most of its work (docs/cloud-performance.md). One after a pause of as much never waits.
 */
const manyProbes = 16;
const batchMs = 50;

export type GatewayTimes = typeof defaultGatewayTimes;

export interface GatewayOptions {
  /** First level of every topic. */
  readonly site: string;
  readonly transports: readonly Transport[];
  readonly client: CloudClient;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 up to 1; Math.random when absent. */
  readonly random?: () => number;
  readonly spool?: SpoolLimits;
  readonly times?: Partial<GatewayTimes>;
  /** Which probes are let in; without it everything is taken for what it says it is. */
  readonly trust?: TrustPolicy;
  /** Commands that may wait for one probe, 16 when absent; one more is answered with `busy`. */
  readonly maxCommands?: number;
  /** The cloud will not have this gateway, e.g. for lack of a token, and the client has given up. */
  readonly onRefused?: (error: unknown) => void;
}

export class Gateway {
  private readonly options: GatewayOptions;
  private readonly times: GatewayTimes;
  private readonly uplink: Uplink;
  private readonly links = new Map<string, ProbeLink>();
  /** By id. */
  private readonly probes = new Map<string, Probe>();
  private readonly quarantine: Quarantine | undefined;
  private readonly stopTrust: () => void;
  /** Those that were let go of, because no probe answered. */
  private readonly strangers = new WeakSet<ProbeLink>();
  private closing = false;
  private refused = false;
  private willRefused = false;

  constructor(options: GatewayOptions) {
    const { client, clock, log, spool = defaultSpoolLimits } = options;
    this.options = options;
    this.times = { ...defaultGatewayTimes, ...options.times };
    this.uplink = new Uplink({
      client,
      clock,
      log,
      limits: spool,
      batchMs: () => (this.probes.size >= manyProbes ? batchMs : 0),
      onDropped: (message) => this.onDropped(message),
      onConnected: () => [...this.probes.values()].flatMap((probe) => probe.states()),
    });
    this.quarantine = this.makeQuarantine();
    this.stopTrust = this.watchTrust();
    this.serve();
    for (const transport of options.transports) this.add(transport);
  }

  /** Connects one more transport. One that has the URL of another is ignored, and disposed of. */
  add(transport: Transport): void {
    if (this.closing || this.links.has(transport.url)) {
      void transport.dispose();
      return;
    }
    const { clock, log, random = Math.random, maxCommands = 16, trust } = this.options;
    const { reconnectFirstMs: firstMs, reconnectLongestMs: longestMs } = this.times;
    const link = new ProbeLink({
      transport,
      clock,
      random,
      log,
      maxCommands,
      backoff: { firstMs, longestMs },
      ...(trust && { authentication: authenticationBy(trust, transport.url) }),
      handlers: {
        onHello: (...args) => this.onHello(...args),
        onRefused: (...args) => this.onRefused(...args),
        onMessage: (...args) => this.onMessage(...args),
        onState: (...args) => this.onState(...args),
        onLost: (...args) => this.onLost(...args),
      },
    });
    this.links.set(transport.url, link);
    link.start();
  }

  /** Lets go of a transport: its port is gone. */
  async remove(url: string): Promise<void> {
    const link = this.links.get(url);
    if (link === undefined || this.closing) return;
    this.links.delete(url);
    const probe = this.probeOn(link);
    if (probe !== undefined) this.lose(probe, 'unplugged');
    this.quarantine?.lost(link, 'unplugged');
    for (const { displaced } of this.probes.values()) displaced.delete(link);
    await link.close();
  }

  /** Messages that the cloud has not acknowledged. */
  get waiting(): number {
    return this.uplink.waiting;
  }

  /** Publishes the death of every probe, waits a moment for the cloud to know, and lets go of all transports. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.stopTrust();
    for (const probe of this.probes.values()) {
      probe.detach();
      probe.death('the gateway was stopped');
    }
    const closed = Promise.allSettled([...this.links.values()].map((link) => link.close()));
    if (this.options.client.connected && (await this.uplink.drain(this.times.drainMs))) {
      this.options.client.setWill([]).catch(() => {});
    }
    this.uplink.close();
    await closed;
  }

  private onHello(link: ProbeLink, hello: MessageOf<'hello'>, about: { readonly restarted: boolean }): void {
    if (this.closing) return;
    this.quarantine?.release(link, hello);
    const probe = this.probeOf(probeId(hello.id, link.url));
    const before = this.probeOn(link);
    if (before !== undefined && before !== probe) this.lose(before, 'another probe took its place');
    if (probe.link !== undefined && probe.link !== link && !this.takeOver(probe, link)) return;
    const news = probe.link !== link || about.restarted || probe.status?.online !== true;
    probe.attach(link);
    probe.birth(hello, link.url);
    if (news) this.announce(probe, about.restarted);
    this.expectSample(probe, link);
    this.watchCounters(probe, link, Math.min(1000, this.times.countersMs));
  }

  private onRefused(link: ProbeLink, hello: MessageOf<'hello'>, refusal: Refusal): void {
    if (this.closing) return;
    const before = this.probeOn(link);
    if (before !== undefined) this.lose(before, refusal.message);
    this.quarantine?.take(link, hello, refusal);
  }

  /** Decides between two transports that both lead to a probe: false when the new one must yield. */
  private takeOver(probe: Probe, link: ProbeLink): boolean {
    const { log } = this.options;
    const rival = probe.link!;
    if (probe.displaced.has(link)) {
      link.reconnect(`the probe is connected through ${rival.url}`, this.times.displacedMs);
      return false;
    }
    const message = `probe ${probe.id} answers on ${rival.url} and on ${link.url}: using ${link.url}, the newest`;
    log({ level: 'warn', event: 'duplicate-id', message, id: probe.id, transports: [rival.url, link.url] });
    probe.displaced.add(rival);
    probe.detach();
    rival.reconnect(`the probe is connected through ${link.url}`, this.times.displacedMs);
    return true;
  }

  private onMessage(link: ProbeLink, message: ProbeMessage, { wallMs }: Received): void {
    const probe = this.probeOn(link);
    if (probe === undefined || this.closing) return;
    if (isSample(message)) {
      probe.sample(senmlPack(message, probe.id, wallMs / 1000) as unknown as Json);
      this.expectSample(probe, link);
      return;
    }
    switch (message.name) {
      case 'event':
        probe.event(message, wallMs / 1000);
        return;
      case 'led_state':
        probe.leds(message, wallMs / 1000);
        return;
      case 'counters':
        probe.counters(message, link.session.statistics(), link.transport.rssiDbm);
        return;
      default:
        message satisfies never;
    }
  }

  private onState(link: ProbeLink, state: SessionState): void {
    if (state !== 'quiet' || this.closing) return;
    if (link.session.probe === undefined) {
      const message = `${link.url} is open, but no probe answers: is it running Earl's firmware? (still trying)`;
      if (!this.strangers.has(link))
        this.options.log({ level: 'warn', event: 'no-probe', message, transport: link.url });
      if (!link.transport.exclusive) return;
      this.strangers.add(link);
      link.reconnect('no probe answers', this.times.strangerMs);
    } else {
      link.reconnect('it does not answer');
    }
  }

  private onLost(link: ProbeLink, reason: string): void {
    const probe = this.probeOn(link);
    if (probe !== undefined && !this.closing) this.lose(probe, reason);
    if (!this.closing) this.quarantine?.lost(link, reason);
  }

  private lose(probe: Probe, reason: string): void {
    const { log } = this.options;
    const { kind = 'probe' } = probe.status ?? {};
    const transport = probe.link?.url ?? '';
    probe.detach();
    probe.death(reason);
    const message = `${kind} ${probe.id} offline: ${reason}`;
    log({ level: 'warn', event: 'probe-offline', message, id: probe.id, kind, transport, reason });
    for (const link of probe.displaced) link.wake();
    probe.displaced.clear();
  }

  private announce(probe: Probe, restarted: boolean): void {
    const { kind, firmware, intervalMs, transport, resetCause, boots } = probe.status!;
    const pace = `${Number((1000 / intervalMs).toPrecision(3))} Hz`;
    const what = restarted ? `restarted (${resetCause}, start ${boots})` : 'online';
    const message = `${kind} ${probe.id} ${what}: ${transport}, firmware ${firmware}, ${pace}`;
    const event = restarted ? 'probe-restarted' : 'probe-online';
    this.options.log({ level: 'info', event, message, id: probe.id, kind, firmware, intervalMs, transport });
  }

  /** A sample came, or may be expected from now on: without the next one in time, the probe is quiet. */
  private expectSample(probe: Probe, link: ProbeLink): void {
    probe.lastSampleMs = this.options.clock.nowMs();
    if (probe.status?.reason !== undefined) probe.setQuiet(undefined);
    if (probe.timers.samples === undefined) this.watchSamples(probe, link);
  }

  private watchSamples(probe: Probe, link: ProbeLink): void {
    const { log, clock } = this.options;
    // Asked anew each time: a set_interval may have come between.
    const limitMs = 3 * (probe.status?.intervalMs ?? 0) + this.times.quietGraceMs;
    const leftMs = probe.lastSampleMs + limitMs - clock.nowMs();
    if (leftMs > 0) {
      probe.timers.samples = clock.after(leftMs, () => this.watchSamples(probe, link));
      return;
    }
    delete probe.timers.samples;
    probe.setQuiet('quiet');
    const message = `${probe.status?.kind} ${probe.id} quiet: no sample for ${limitMs} ms`;
    log({ level: 'warn', event: 'probe-quiet', message, id: probe.id });
  }

  /** Asks for the counters, and again later. */
  private watchCounters(probe: Probe, link: ProbeLink, delayMs: number): void {
    probe.timers.counters?.();
    probe.timers.counters = this.options.clock.after(delayMs, () => {
      if (probe.link !== link) return;
      // Published when they come; a probe that does not answer shows in its status.
      link.session.command({ name: 'get_counters' }).catch(() => {});
      this.watchCounters(probe, link, this.times.countersMs);
    });
  }

  private answer(path: string, object: CommandObject, call: CommandCall): Promise<CommandResult> {
    const probe = this.probes.get(path.slice(path.indexOf('/') + 1));
    if (probe === undefined || this.closing) return Promise.resolve(failed('unreachable', `no probe ${path} here`));
    const { status } = probe;
    if (status?.quarantined) return Promise.resolve(failed('quarantined', `probe ${probe.id}: ${status.reason}`));
    return probe.once(call.id, () => execute(probe, object, call.timeoutMs));
  }

  private probeOf(id: string): Probe {
    const known = this.probes.get(id);
    if (known !== undefined) return known;
    const { site, clock } = this.options;
    const publish = (message: SpoolMessage) => this.uplink.publish(message);
    const onWill = () => this.setWill();
    const probe = new Probe({ path: `${site}/${id}`, id, clock, publish, onWill });
    this.probes.set(id, probe);
    this.serve();
    return probe;
  }

  private makeQuarantine(): Quarantine | undefined {
    const { trust, log } = this.options;
    if (trust === undefined) return undefined;
    return new Quarantine({
      trust,
      log,
      knows: (id) => this.probes.has(id),
      probeOf: (id) => {
        const isNew = !this.probes.has(id);
        return { probe: this.probeOf(id), isNew };
      },
      forget: (probe) => {
        probe.forget();
        this.probes.delete(probe.id);
        this.setWill();
        this.serve();
      },
    });
  }

  /** What the user decides about a probe counts at once. Returns what ends it. */
  private watchTrust(): () => void {
    const { trust, log } = this.options;
    try {
      return trust?.watch((id) => this.reconsider(id)) ?? (() => {});
    } catch (error) {
      log({ level: 'warn', event: 'probes-store', message: errorMessage(error) });
      return () => {};
    }
  }

  private reconsider(id: string): void {
    for (const link of this.links.values()) {
      const hello = link.session.probe;
      if (hello !== undefined && probeId(hello.id, link.url) === id) link.session.reconsider();
    }
  }

  private serve(): void {
    const { client, log } = this.options;
    const paths = [...this.probes.values()].map((probe) => probe.path);
    client
      .serve(paths, (path, object, call) => this.answer(path, object, call))
      .catch((error: unknown) => {
        if (this.closing || this.refused) return;
        this.refused = true;
        log({ level: 'error', event: 'cloud-refused', message: errorMessage(error) });
        this.options.onRefused?.(error);
      });
  }

  /** A gateway that is killed cannot say that its probes are out of reach: the cloud does it in its place. */
  private setWill(): void {
    const { client, log } = this.options;
    const messages = [...this.probes.values()].flatMap(({ will }) => will ?? []);
    client.setWill(messages).catch((error: unknown) => {
      if (this.closing || this.refused || this.willRefused) return;
      this.willRefused = true;
      log({ level: 'warn', event: 'will-refused', message: `no will in the cloud: ${errorMessage(error)}` });
    });
  }

  private probeOn(link: ProbeLink): Probe | undefined {
    for (const probe of this.probes.values()) if (probe.link === link) return probe;
    return undefined;
  }

  private onDropped({ topic, kind }: SpoolMessage): void {
    this.probes.get(topic.split('/')[1] ?? '')?.countDropped(kind);
  }
}
