/**
 * `ble:NAME` or `ble:ADDRESS`: a probe behind a BLE module that carries its UART (ble-bridges.ts says which).
 *
 *     ble:Earl44556677   ble:aa:bb:cc:dd:ee:ff?adapter=hci0   ble:HMSoft?baud=9600&interval=30&scan=all
 *
 * Each connect scans for the probe anew, opens a link, finds the bridge and subscribes; a link that could not be set up is
 * tried twice more, as radio goes. Pairing and encryption are left out: noble cannot do them on HCI, so the link protocol
 * itself authenticates (docs/security.md). Adapters are shared by the transports of a `BleAdapters`, and URLs of theirs are
 * host/radio's.
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';
import {
  asTransportError,
  BleAdapter,
  type BleAdapterOptions,
  type BleCentral,
  type BleTimes,
  defaultBleTimes,
  type Sighting,
} from './ble-adapter.ts';
import type { Bridge } from './ble-bridges.ts';
import { BleWriter, type BridgeLink, openBridge } from './ble-gatt.ts';
import { type ConnectParameters, endReason, type NoblePeripheral, pending } from './ble-noble.ts';
import { type BleAddress, parseBleUrl } from './ble-url.ts';
import { nodeTimers } from './node-timers.ts';
import type { Connection, ConnectionHandlers, Transport } from './transport.ts';

/** Short enough for a lamp to follow a hand, long enough for dozens of probes on an adapter. */
const DEFAULT_INTERVAL_MS = 30;
const ATTEMPTS = 3;
/** How long the end of a link is waited for. */
const CLOSE_MS = 3000;
const RSSI_LIMIT_MS = 2000;
/** Where there is no time to scan, a probe is waited for so many times longer. */
const FIND_PATIENCE = 5;
const LEAST_LOOK_MS = 100;

export interface BleOptions {
  /** For a URL that names none; `auto` when absent. */
  readonly adapter?: string;
  /** Connection interval for a URL that names none; 30 when absent. */
  readonly intervalMs?: number;
  /** For tests; host/radio's when absent. */
  readonly open?: BleAdapterOptions['open'];
  readonly clock?: Clock;
  readonly times?: Partial<BleTimes>;
}

const systemClock: Clock = { nowMs: nodeTimers.now, wallMs: () => Date.now(), after: nodeTimers.after };

/** The adapters that a process uses, by URL: transports that share one of these share its adapters. */
export class BleAdapters {
  readonly clock: Clock;
  readonly times: BleTimes;
  readonly intervalMs: number;
  private readonly options: BleOptions;
  private readonly adapters = new Map<string, BleAdapter>();

  constructor(options: BleOptions = {}) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.intervalMs = options.intervalMs ?? DEFAULT_INTERVAL_MS;
    this.times = { ...defaultBleTimes, ...options.times };
  }

  /** @param url the default one when absent. Opened when somebody holds it. */
  get(url = this.options.adapter ?? 'auto'): BleAdapter {
    const known = this.adapters.get(url);
    if (known !== undefined) return known;
    const { clock, times } = this;
    const adapter = new BleAdapter(url, { open: this.options.open ?? openWithRadio, clock, times });
    this.adapters.set(url, adapter);
    return adapter;
  }
}

/** Loads a Bluetooth stack, so only when one is needed. */
async function openWithRadio(adapter: string, onGone: (error: EarlError) => void): Promise<BleCentral> {
  const { openCentral } = await import('../radio/index.ts');
  return (await openCentral(adapter, { onGone })) as unknown as BleCentral;
}

/** Throws `USAGE` when the URL cannot be read. */
export function bleTransport(url: string, adapters = new BleAdapters()): BleTransport {
  return new BleTransport(url, adapters);
}

export class BleTransport implements Transport {
  readonly url: string;
  readonly baud: number;
  readonly exclusive = true;
  private readonly address: BleAddress;
  private readonly adapters: BleAdapters;
  private readonly adapter: BleAdapter;
  private readonly aborter = new AbortController();
  private opening: Promise<unknown> | undefined;
  private connection: BleConnection | undefined;
  private held = false;

  constructor(url: string, adapters: BleAdapters) {
    this.url = url;
    this.address = parseBleUrl(url);
    this.baud = this.address.baud;
    this.adapters = adapters;
    this.adapter = adapters.get(this.address.adapter);
  }

  /** Signal of the open link, dBm, not older than ten seconds; undefined without one. */
  get rssiDbm(): number | undefined {
    return this.connection?.rssiDbm;
  }

  /** What the probe was found to be behind; undefined while there is no link. */
  get bridge(): Bridge | undefined {
    return this.connection?.bridge;
  }

  /** Of ATT; undefined while there is no link. */
  get mtu(): number | undefined {
    return this.connection?.mtu;
  }

  /** Is this the device that the URL means? */
  names({ name, address }: Pick<Sighting, 'name' | 'address'>): boolean {
    return this.address.address === undefined ? name === this.address.name : address === this.address.address;
  }

  async connect(handlers: ConnectionHandlers): Promise<Connection> {
    if (this.aborter.signal.aborted) throw new EarlError('TRANSPORT_FAILED', `${this.url} was disposed of`);
    if (this.opening !== undefined || this.connection !== undefined) {
      throw new EarlError('TRANSPORT_BUSY', `${this.url} is connected already: close that connection first`);
    }
    const opening = this.open(handlers);
    this.opening = opening.catch(() => {});
    try {
      return await opening;
    } finally {
      this.opening = undefined;
    }
  }

  async dispose(): Promise<void> {
    this.aborter.abort();
    await this.connection?.close();
    await this.opening;
    if (this.held) await this.adapter.release(this);
    this.held = false;
  }

  private async open(handlers: ConnectionHandlers): Promise<Connection> {
    this.held = true;
    for (let attempt = 1; ; attempt++) {
      await this.adapter.hold(this); // each time: it may have gone away
      this.refuseWhenDisposed();
      const sighting = await this.find();
      try {
        return await this.openLink(sighting, handlers);
      } catch (error) {
        const { code } = asTransportError(error, this.adapter.url);
        const again = code === 'TRANSPORT_FAILED' && attempt < ATTEMPTS && !this.aborter.signal.aborted;
        if (!again) throw this.named(error);
      }
    }
  }

  private refuseWhenDisposed(): void {
    if (this.aborter.signal.aborted) throw new EarlError('TRANSPORT_FAILED', `${this.url} was closed while connecting`);
  }

  private named(error: unknown): EarlError {
    const { code } = asTransportError(error, this.adapter.url);
    return new EarlError(code, `cannot connect to ${this.url}: ${errorMessage(error)}`, { cause: error });
  }

  /** Scans until the probe is heard. Rejects with `TRANSPORT_NOT_FOUND`. */
  private find(): Promise<Sighting> {
    const { clock, times } = this.adapters;
    const { signal } = this.aborter;
    return new Promise((resolve, reject) => {
      const end = () => {
        cancel();
        stop();
        signal.removeEventListener('abort', onAbort);
      };
      const fail = (error: EarlError) => {
        end();
        reject(error);
      };
      const onAbort = () => fail(new EarlError('TRANSPORT_FAILED', `${this.url} was closed while connecting`));
      let trouble: EarlError | undefined;
      const [startMs, scannedMs] = [clock.nowMs(), this.adapter.scannedMs];
      // Links that are opened for others take their time from scanning.
      const look = () => {
        const leftMs = times.findMs - (this.adapter.scannedMs - scannedMs);
        if (leftMs <= 0 || clock.nowMs() - startMs > FIND_PATIENCE * times.findMs) fail(this.notFound(trouble));
        else cancel = clock.after(Math.max(leftMs, LEAST_LOOK_MS), look);
      };
      let cancel = clock.after(times.findMs, look);
      const stop = this.adapter.observe({
        all: this.address.scanAll,
        urgent: true,
        onSighting: (sighting) => {
          if (!this.names(sighting)) return;
          end();
          resolve(sighting);
        },
        onTrouble: (error) => {
          trouble = error;
        },
        onGone: fail,
      });
      signal.addEventListener('abort', onAbort);
    });
  }

  private notFound(trouble: EarlError | undefined): EarlError {
    const target = this.address.name ?? this.address.address;
    if (trouble !== undefined) {
      const message = `cannot look for ${target} with the Bluetooth adapter ${this.adapter.url}: ${trouble.message}`;
      return new EarlError('TRANSPORT_FAILED', message, { cause: trouble });
    }
    const others = this.adapter
      .heard()
      .slice(0, 8)
      .map(({ name, address, rssiDbm }) => `${name ?? '(no name)'} ${address} ${rssiDbm} dBm`);
    const heard = others.length === 0 ? 'no bridge was heard' : `heard ${others.join(', ')}`;
    const next = 'is it switched on, in reach, and connected to nobody else?';
    return new EarlError('TRANSPORT_NOT_FOUND', `no ${target} on the air of ${this.adapter.url}: ${heard}; ${next}`);
  }

  private async openLink(sighting: Sighting, handlers: ConnectionHandlers): Promise<Connection> {
    const { clock, times } = this.adapters;
    const { signal } = this.aborter;
    const peripheral = await this.adapter.connect(sighting, this.parameters(), signal);
    const link = new PendingLink(peripheral, signal);
    try {
      const bridge = await link.until(openBridge(peripheral, (bytes) => link.onData(bytes), { clock, times }));
      if (peripheral.state !== 'connected')
        throw new EarlError('TRANSPORT_FAILED', 'the link ended while it was set up');
      const connection = new BleConnection({
        url: this.url,
        peripheral,
        link: bridge,
        early: link,
        handlers,
        baud: this.baud,
        clock,
        rssiMs: times.rssiMs,
        rssiDbm: sighting.rssiDbm,
        onOver: () => {
          this.connection = undefined;
        },
      });
      this.connection = connection;
      return connection;
    } catch (error) {
      await hangUp(peripheral, clock);
      throw error;
    } finally {
      link.end();
    }
  }

  private parameters(): ConnectParameters {
    const { intervalMs = this.adapters.intervalMs } = this.address;
    const interval = Math.round(intervalMs / 1.25);
    // Volume 4, part E, 7.8.12: longer than two intervals.
    const supervisionMs = Math.max(this.adapters.times.supervisionMs, 6 * intervalMs);
    const timeout = Math.min(3200, Math.round(supervisionMs / 10));
    return { minInterval: interval, maxInterval: interval, latency: 0, timeout };
  }
}

/** A link while its bridge is set up: ends the set-up when it is lost, and keeps what comes before anybody listens. */
class PendingLink {
  /** Bytes that came during set-up; a probe that speaks first says no more than a few frames. */
  readonly early: Uint8Array[] = [];
  onData: (bytes: Uint8Array) => void = (bytes) => this.early.push(bytes);
  private readonly peripheral: NoblePeripheral;
  private readonly signal: AbortSignal;
  private readonly lost: Promise<never>;
  private fail: (error: EarlError) => void = () => {};
  private readonly onEnd = (reason: number | string) => {
    this.fail(new EarlError('TRANSPORT_FAILED', `the link ended while it was set up: ${endReason(reason)}`));
  };
  private readonly onAbort = () => this.fail(new EarlError('TRANSPORT_FAILED', 'closed while connecting'));

  constructor(peripheral: NoblePeripheral, signal: AbortSignal) {
    this.peripheral = peripheral;
    this.signal = signal;
    this.lost = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.lost.catch(() => {}); // when nobody waits any more
    peripheral.once('disconnect', this.onEnd);
    signal.addEventListener('abort', this.onAbort);
    if (peripheral.state !== 'connected') this.onEnd(0x3e);
  }

  until<Result>(work: Promise<Result>): Promise<Result> {
    work.catch(() => {}); // the link's end is the better reason
    return Promise.race([work, this.lost]);
  }

  end(): void {
    this.peripheral.removeListener('disconnect', this.onEnd);
    this.signal.removeEventListener('abort', this.onAbort);
  }
}

/** Ends a link; resolves when it is over, or nobody says so in time. */
async function hangUp(peripheral: NoblePeripheral, clock: Clock): Promise<void> {
  if (peripheral.state !== 'connected') return;
  await new Promise<void>((resolve) => {
    const cancel = clock.after(CLOSE_MS, resolve);
    peripheral.once('disconnect', () => {
      cancel();
      resolve();
    });
    peripheral.disconnect();
  });
}

interface BleConnectionOptions {
  readonly url: string;
  readonly peripheral: NoblePeripheral;
  readonly link: BridgeLink;
  readonly early: PendingLink;
  readonly handlers: ConnectionHandlers;
  readonly baud: number;
  readonly clock: Clock;
  readonly rssiMs: number;
  readonly rssiDbm: number;
  readonly onOver: () => void;
}

class BleConnection implements Connection {
  rssiDbm: number;
  readonly bridge: Bridge;
  readonly mtu: number;
  private readonly options: BleConnectionOptions;
  private readonly writer: BleWriter;
  private closing = false;
  private over = false;
  private cause: EarlError | undefined;
  private cancelRssi: () => void = () => {};
  private readonly closed: Promise<void>;
  private settle: () => void = () => {};

  constructor(options: BleConnectionOptions) {
    const { url, peripheral, link, early, baud, clock, rssiDbm } = options;
    this.options = options;
    this.bridge = link.bridge;
    this.mtu = link.mtu;
    this.rssiDbm = rssiDbm;
    this.closed = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.writer = new BleWriter({ url, link, baud, clock, onDead: (error) => this.abandon(error) });
    peripheral.once('disconnect', (reason) => this.finish(reason));
    // Later, so that whoever awaits connect() holds the connection before its first bytes come.
    setImmediate(() => {
      for (const bytes of early.early.splice(0)) this.receive(bytes);
      early.onData = (bytes) => this.receive(bytes);
    });
    this.watchSignal();
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closing || this.over) return Promise.reject(this.closedError());
    return this.writer.write(bytes);
  }

  close(): Promise<void> {
    if (!this.closing && !this.over) {
      this.closing = true;
      this.writer.stop(this.closedError());
      void this.hangUp();
    }
    return this.closed;
  }

  private receive(bytes: Uint8Array): void {
    if (!this.closing && !this.over) this.options.handlers.onData(bytes);
  }

  /** The module answers no more: the link is of no use. */
  private abandon(error: EarlError): void {
    this.cause ??= error;
    void this.hangUp();
  }

  private async hangUp(): Promise<void> {
    await hangUp(this.options.peripheral, this.options.clock);
    this.finish('this end closed it'); // in case that nobody said so
  }

  private finish(reason: number | string): void {
    if (this.over) return;
    this.over = true;
    this.cancelRssi();
    this.options.link.notify.removeAllListeners('data');
    this.writer.stop(this.closedError());
    this.options.onOver();
    if (this.closing) {
      this.options.handlers.onClose();
    } else {
      const why = this.cause?.message ?? endReason(reason);
      const message = `${this.options.url} was lost: ${why}`;
      this.options.handlers.onClose(new EarlError('TRANSPORT_LOST', message, { cause: this.cause }));
    }
    this.settle();
  }

  private watchSignal(): void {
    const { clock, peripheral, rssiMs } = this.options;
    this.cancelRssi = clock.after(rssiMs, async () => {
      if (peripheral.state !== 'connected') return;
      const read = pending<number>(clock, 'signal', RSSI_LIMIT_MS, (done) => peripheral.updateRssi(done));
      const rssiDbm = await read.catch(() => undefined);
      if (this.over) return;
      if (rssiDbm !== undefined) this.rssiDbm = rssiDbm;
      this.watchSignal();
    });
  }

  private closedError(): EarlError {
    return new EarlError('TRANSPORT_CLOSED', `${this.options.url} is closed: connect again before writing`);
  }
}
