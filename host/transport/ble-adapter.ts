/**
 * A Bluetooth adapter, shared by everyone in this process who looks for a probe on it: one noble, one loop that either scans
 * or opens a link, so that links are opened one after the other and no scan runs meanwhile (volume 6, part B, 4.5 lets a
 * controller refuse that). What links do once they are open, ble-gatt.ts says.
 *
 * While somebody waits for a probe every advertisement counts. While only a watch looks out for new ones, a device is
 * reported once a scan, and scans rest in between.
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';
import { type Bridge, bridgeAmong, bridgeServices } from './ble-bridges.ts';
import { type ConnectParameters, type Noble, type NoblePeripheral, pending } from './ble-noble.ts';

export const defaultBleTimes = {
  /** How long is scanned for a probe before it is not there. */
  findMs: 8000,
  /** An advertiser that did not answer to a connection request by then is passed over. */
  connectMs: 4000,
  /** Longest wait for one step of setting a bridge up. */
  stepMs: 6000,
  /** A link that hears nothing for so long is lost (supervision timeout). */
  supervisionMs: 2000,
  /** One scan, after which everybody is reported again. */
  scanMs: 2000,
  /** Pause between scans while nobody waits for a probe. */
  scanRestMs: 3000,
  /** Between two looks at the signal of an open link. */
  rssiMs: 10_000,
};

export type BleTimes = typeof defaultBleTimes;

/** A device as it was last heard. */
export interface Sighting {
  /** `aa:bb:cc:dd:ee:ff`, or what the system calls it. */
  readonly address: string;
  readonly name: string | undefined;
  /** By the service that it advertises. */
  readonly bridge: Bridge | undefined;
  readonly rssiDbm: number;
  readonly seenMs: number;
  readonly peripheral: NoblePeripheral;
}

export interface BleObserver {
  /** Wants devices too that advertise no bridge's service. */
  readonly all: boolean;
  /** Somebody waits: scan without rest. */
  readonly urgent: boolean;
  /** Heard anew; at least once a scan while it advertises. */
  onSighting(sighting: Sighting): void;
  /** Scanning does not work; it is tried again. */
  onTrouble?(error: EarlError): void;
  /** The adapter went away. Scans go on when somebody holds it again. */
  onGone?(error: EarlError): void;
}

/** noble on an adapter; `Central` of host/radio is one. */
export interface BleCentral {
  readonly noble: Noble;
  close(): Promise<void> | void;
}

export interface BleAdapterOptions {
  /** @param onGone to be called when the adapter goes away while it is open */
  readonly open: (adapter: string, onGone: (error: EarlError) => void) => Promise<BleCentral>;
  readonly clock: Clock;
  readonly times: BleTimes;
}

/** Devices that are remembered; the one not heard for longest is forgotten. */
const MAX_SIGHTINGS = 256;
/** A device heard within this time is taken to be there still. */
const FRESH_MS = 4000;
const SCAN_STEP_MS = 3000;

type ScanMode = Pick<BleObserver, 'all' | 'urgent'>;

interface Attempt {
  readonly sighting: Sighting;
  readonly parameters: ConnectParameters;
  readonly resolve: (peripheral: NoblePeripheral) => void;
  readonly reject: (error: EarlError) => void;
  /** Nobody wants it any more. */
  readonly cancelled: () => boolean;
}

export class BleAdapter {
  readonly url: string;
  private readonly options: BleAdapterOptions;
  private readonly users = new Set<object>();
  private opening: Promise<BleCentral> | undefined;
  private central: BleCentral | undefined;
  private closing: Promise<void> = Promise.resolve();
  private readonly observers = new Set<BleObserver>();
  private readonly attempts: Attempt[] = [];
  private readonly sightings = new Map<string, Sighting>();
  private wakeUp: (() => void) | undefined;
  private scannedBeforeMs = 0;
  private scanningSinceMs: number | undefined;

  constructor(url: string, options: BleAdapterOptions) {
    this.url = url;
    this.options = options;
  }

  /** Time for which this adapter has scanned; opening links takes from it. */
  get scannedMs(): number {
    const { scanningSinceMs: sinceMs, scannedBeforeMs } = this;
    return scannedBeforeMs + (sinceMs === undefined ? 0 : this.options.clock.nowMs() - sinceMs);
  }

  /** Opens the adapter, or shares it, until `release`. Rejects with a `TRANSPORT_…` error. */
  async hold(user: object): Promise<void> {
    this.users.add(user);
    await this.closing;
    this.opening ??= this.open();
    await this.opening;
  }

  /** The last one to release it closes it. */
  async release(user: object): Promise<void> {
    if (!this.users.delete(user) || this.users.size > 0) return;
    const { opening } = this;
    if (opening === undefined) return;
    const closed = opening.then(
      (central) => (this.users.size === 0 ? this.shut(central, closedError(this.url)) : undefined),
      () => {}, // it never opened
    );
    this.closing = closed;
    await closed;
  }

  /** Scans as long as there are observers; those heard a moment ago are told soon. Returns what ends it. */
  observe(observer: BleObserver): () => void {
    this.observers.add(observer);
    setImmediate(() => {
      for (const sighting of this.heard()) if (this.observers.has(observer)) observer.onSighting(sighting);
    });
    this.wake();
    return () => {
      this.observers.delete(observer);
      this.wake();
    };
  }

  /** Devices that were heard within the last seconds, strongest first. */
  heard(): Sighting[] {
    const sinceMs = this.options.clock.nowMs() - FRESH_MS;
    return [...this.sightings.values()].filter(({ seenMs }) => seenMs >= sinceMs).sort((a, b) => b.rssiDbm - a.rssiDbm);
  }

  /**
   * Opens a link, after those asked for before. A device that does not answer is forgotten until it is heard again.
   * Rejects with `TRANSPORT_FAILED`; at once when `signal` is aborted.
   */
  connect(sighting: Sighting, parameters: ConnectParameters, signal: AbortSignal): Promise<NoblePeripheral> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(new EarlError('TRANSPORT_FAILED', 'closed while connecting'));
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort);
      const done = () => signal.removeEventListener('abort', abort);
      this.attempts.push({
        sighting,
        parameters,
        cancelled: () => signal.aborted,
        resolve: (peripheral) => {
          done();
          resolve(peripheral);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      if (this.central === undefined) this.refuseAttempts(closedError(this.url));
      this.wake();
    });
  }

  private async open(): Promise<BleCentral> {
    try {
      let gone: (error: EarlError) => void = () => {};
      const central = await this.options.open(this.url, (error) => gone(error));
      this.central = central;
      gone = (error) => {
        const reason = new EarlError('TRANSPORT_FAILED', error.message, { cause: error });
        if (this.central === central) this.closing = this.shut(central, reason);
      };
      central.noble.on('discover', (peripheral) => this.take(peripheral));
      central.noble.on('stateChange', (state) => {
        const message = `the Bluetooth adapter ${this.url} is no longer there (${state})`;
        if (state !== 'poweredOn') gone(new EarlError('TRANSPORT_FAILED', message));
      });
      void this.run(central);
      return central;
    } catch (error) {
      this.opening = undefined;
      throw asTransportError(error, this.url);
    }
  }

  private async shut(central: BleCentral, reason: EarlError): Promise<void> {
    if (this.central !== central) return;
    this.central = undefined;
    this.opening = undefined;
    this.sightings.clear();
    this.refuseAttempts(reason);
    for (const observer of [...this.observers]) observer.onGone?.(reason);
    this.wake();
    await central.close();
  }

  private refuseAttempts(error: EarlError): void {
    for (const { reject } of this.attempts.splice(0)) reject(error);
  }

  private take(peripheral: NoblePeripheral): void {
    const { address, id, advertisement, rssi } = peripheral;
    const sighting: Sighting = {
      address: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(address) ? address.toLowerCase() : id,
      name: advertisement.localName,
      bridge: bridgeAmong(advertisement.serviceUuids),
      rssiDbm: rssi,
      seenMs: this.options.clock.nowMs(),
      peripheral,
    };
    this.sightings.delete(sighting.address);
    this.sightings.set(sighting.address, sighting);
    if (this.sightings.size > MAX_SIGHTINGS) this.sightings.delete(this.sightings.keys().next().value!);
    for (const observer of [...this.observers]) {
      if (observer.all || sighting.bridge !== undefined) observer.onSighting(sighting);
    }
  }

  /** The loop: a link to open goes before scanning. Ends with its central. */
  private async run(central: BleCentral): Promise<void> {
    while (this.central === central) {
      const attempt = this.attempts.shift();
      if (attempt !== undefined) await this.attempt(attempt);
      else if (this.observers.size === 0) await this.nap();
      else await this.scan(central);
    }
  }

  private async attempt({ sighting, parameters, resolve, reject, cancelled }: Attempt): Promise<void> {
    if (cancelled()) return;
    const { clock, times } = this.options;
    const { peripheral } = sighting;
    this.sightings.delete(sighting.address);
    if (peripheral.state === 'connected' || peripheral.state === 'connecting') {
      reject(new EarlError('TRANSPORT_BUSY', 'another transport of this process is connected to it'));
      return;
    }
    try {
      await pending<void>(clock, 'no link', times.connectMs, (done) => peripheral.connect(parameters, done));
    } catch (error) {
      peripheral.cancelConnect();
      reject(error as EarlError);
      return;
    }
    if (cancelled()) peripheral.disconnect();
    else resolve(peripheral);
  }

  private async scan({ noble }: BleCentral): Promise<void> {
    const { clock, times } = this.options;
    const endMs = clock.nowMs() + times.scanMs;
    const mode = this.scanMode();
    try {
      const services = mode.all ? [] : bridgeServices;
      // Once a device was reported, noble keeps a name that comes later to itself, unless duplicates are asked for.
      await pending(clock, 'scanning', SCAN_STEP_MS, (done) => noble.startScanning(services, mode.urgent, done));
      this.scanningSinceMs = clock.nowMs();
      while (clock.nowMs() < endMs && this.mayScan(mode)) await this.nap(endMs - clock.nowMs());
      this.noteScanned();
      await pending<void>(clock, 'stopping a scan', SCAN_STEP_MS, (done) => noble.stopScanning(() => done(null)));
    } catch (error) {
      this.noteScanned();
      for (const { onTrouble } of [...this.observers]) onTrouble?.(error as EarlError);
      await this.nap(times.scanRestMs);
    }
    const restEndMs = endMs + times.scanRestMs;
    while (clock.nowMs() < restEndMs && !mode.urgent && this.mayScan(mode)) await this.nap(restEndMs - clock.nowMs());
  }

  private noteScanned(): void {
    this.scannedBeforeMs = this.scannedMs;
    this.scanningSinceMs = undefined;
  }

  private scanMode(): ScanMode {
    const observers = [...this.observers];
    return { all: observers.some(({ all }) => all), urgent: observers.some(({ urgent }) => urgent) };
  }

  /** Nothing goes before it, and nobody wants more of it. */
  private mayScan(mode: ScanMode): boolean {
    const { all, urgent } = this.scanMode();
    const enough = (mode.all || !all) && (mode.urgent || !urgent);
    return this.central !== undefined && this.attempts.length === 0 && this.observers.size > 0 && enough;
  }

  /** Until something changes, or the time is over. */
  private nap(limitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = limitMs === undefined ? () => {} : this.options.clock.after(limitMs, () => this.wake());
      this.wakeUp = () => {
        cancel();
        resolve();
      };
    });
  }

  private wake(): void {
    const { wakeUp } = this;
    this.wakeUp = undefined;
    wakeUp?.();
  }
}

function closedError(url: string): EarlError {
  return new EarlError('TRANSPORT_FAILED', `the Bluetooth adapter ${url} was closed`);
}

/** Keeps messages that say already what to do, as those of host/radio. */
export function asTransportError(error: unknown, url: string): EarlError {
  if (error instanceof EarlError) {
    if (/^(TRANSPORT_|USAGE$)/.test(error.code)) return error;
    return new EarlError('TRANSPORT_FAILED', error.message, { cause: error });
  }
  const message = `the Bluetooth adapter ${url} cannot be used: ${errorMessage(error)}`;
  return new EarlError('TRANSPORT_FAILED', message, { cause: error });
}
