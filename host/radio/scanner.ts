/**
 * The scanning and the initiating state: when a node listens on which advertising channel, and what it does then.
 *
 * Core Spec Vol 6 Part B 4.4.3 (scanning; 4.4.3.2 the backoff of active scanners) and 4.4.4 (initiating). The listening
 * itself is arithmetic, not events: window and interval from the start on, the channel changes each interval, and
 * whatever else the node's radio does comes first.
 */
import type { DeviceAddress } from './address.ts';
import { ADVERTISING_TYPE, type Advertisement, type Advertiser, type Listener } from './advertiser.ts';
import { ADVERTISING_CHANNELS } from './phy.ts';
import type { Random } from './random.ts';
import type { Transceiver } from './transceiver.ts';

export interface ScanTiming {
  readonly intervalUs: number;
  readonly windowUs: number;
}

export interface ScannerContext {
  readonly radio: Transceiver;
  readonly random: Random;
  nowUs(): number;
  address(): DeviceAddress;
}

/** Reports that a scanner remembers to filter duplicates; the oldest goes. */
const MAX_REMEMBERED = 1024;
/** Vol 6 Part B 4.4.3.2. */
const MAX_UPPER_LIMIT = 256;

/** When somebody listens. */
abstract class Listening {
  protected readonly context: ScannerContext;
  protected timing: ScanTiming = { intervalUs: 10_000, windowUs: 10_000 };
  private startedUs: number | undefined;
  private paidUntilUs = 0;
  private activeBeforeUs = 0;

  constructor(context: ScannerContext) {
    this.context = context;
  }

  get radio(): Transceiver {
    return this.context.radio;
  }

  get address(): DeviceAddress {
    return this.context.address();
  }

  get isEnabled(): boolean {
    return this.startedUs !== undefined;
  }

  protected begin(timing: ScanTiming): void {
    this.timing = timing;
    this.startedUs = this.context.nowUs();
    this.paidUntilUs = this.startedUs;
    this.activeBeforeUs = this.radio.activeUs;
  }

  end(): void {
    this.pay();
    this.startedUs = undefined;
  }

  /** Books the windows since the last time, less what the radio did besides. */
  pay(): void {
    if (this.startedUs === undefined) return;
    const elapsedUs = this.context.nowUs() - this.paidUntilUs;
    const share = this.timing.windowUs / this.timing.intervalUs;
    const otherwiseUs = this.radio.activeUs - this.activeBeforeUs;
    this.radio.listen(Math.max(0, elapsedUs - otherwiseUs) * share);
    this.paidUntilUs = this.context.nowUs();
    this.activeBeforeUs = this.radio.activeUs;
  }

  isListening(channel: number, fromUs: number, toUs: number): boolean {
    if (this.startedUs === undefined || fromUs < this.startedUs) return false;
    if (!this.radio.isFree(fromUs)) return false;
    const { intervalUs, windowUs } = this.timing;
    const sinceUs = fromUs - this.startedUs;
    const interval = Math.floor(sinceUs / intervalUs);
    if (ADVERTISING_CHANNELS[interval % 3] !== channel) return false;
    const intoUs = sinceUs - interval * intervalUs;
    return intoUs + (toUs - fromUs) <= windowUs && this.radio.nextReservationUs(fromUs) >= toUs;
  }
}

export class Scanner extends Listening implements Listener {
  readonly counters = { reports: 0, scanRequests: 0, unanswered: 0 };
  private readonly report: (advertisement: Advertisement) => void;
  private readonly accepts: (address: DeviceAddress) => boolean;
  private isActive = false;
  private filtersDuplicates = false;
  private readonly seen = new Set<string>();
  private upperLimit = 1;
  private backoff = 1;
  private successes = 0;
  private failures = 0;

  constructor(
    context: ScannerContext,
    host: { report(advertisement: Advertisement): void; accepts(address: DeviceAddress): boolean },
  ) {
    super(context);
    this.report = host.report;
    this.accepts = host.accepts;
  }

  start(timing: ScanTiming, isActive: boolean, filtersDuplicates: boolean): void {
    this.isActive = isActive;
    this.filtersDuplicates = filtersDuplicates;
    this.seen.clear();
    this.upperLimit = 1;
    this.backoff = 1;
    this.begin(timing);
  }

  onAdvertisement(advertisement: Advertisement): 'nothing' | 'SCAN_REQ' {
    if (!this.accepts(advertisement.address)) return 'nothing';
    this.tell(advertisement);
    if (!this.isActive || advertisement.type === ADVERTISING_TYPE.ADV_NONCONN_IND) return 'nothing';
    if (this.filtersDuplicates && this.seen.has(keyOf(ADVERTISING_TYPE.SCAN_RSP, advertisement.address)))
      return 'nothing';
    if (--this.backoff > 0) return 'nothing';
    this.counters.scanRequests++;
    return 'SCAN_REQ';
  }

  onScanResponse(advertisement: Advertisement | undefined): void {
    if (advertisement !== undefined) this.tell(advertisement);
    else this.counters.unanswered++;
    this.adaptBackoff(advertisement !== undefined);
  }

  onConnectInd(_advertiser: Advertiser, _wasHeard: boolean): void {
    // A scanner sends none.
  }

  /** Two failures in a row double the limit, two successes halve it. */
  private adaptBackoff(succeeded: boolean): void {
    this.successes = succeeded ? this.successes + 1 : 0;
    this.failures = succeeded ? 0 : this.failures + 1;
    if (this.failures === 2) {
      this.upperLimit = Math.min(MAX_UPPER_LIMIT, this.upperLimit * 2);
      this.failures = 0;
    }
    if (this.successes === 2) {
      this.upperLimit = Math.max(1, this.upperLimit / 2);
      this.successes = 0;
    }
    this.backoff = 1 + this.context.random.below(this.upperLimit);
  }

  private tell(advertisement: Advertisement): void {
    if (!this.isEnabled) return;
    if (this.filtersDuplicates) {
      const key = keyOf(advertisement.type, advertisement.address);
      if (this.seen.has(key)) return;
      if (this.seen.size >= MAX_REMEMBERED) this.seen.delete(this.seen.values().next().value as string);
      this.seen.add(key);
    }
    this.counters.reports++;
    this.report(advertisement);
  }
}

function keyOf(type: number, address: DeviceAddress): string {
  return `${type} ${address.key}`;
}

export class Initiator extends Listening implements Listener {
  private wants: (address: DeviceAddress) => boolean = () => false;
  private readonly onSent: (advertiser: Advertiser, wasHeard: boolean) => void;

  constructor(context: ScannerContext, onSent: (advertiser: Advertiser, wasHeard: boolean) => void) {
    super(context);
    this.onSent = onSent;
  }

  start(timing: ScanTiming, wants: (address: DeviceAddress) => boolean): void {
    this.wants = wants;
    this.begin(timing);
  }

  onAdvertisement(advertisement: Advertisement): 'nothing' | 'CONNECT_IND' {
    const isConnectable = advertisement.type === ADVERTISING_TYPE.ADV_IND;
    return isConnectable && this.wants(advertisement.address) ? 'CONNECT_IND' : 'nothing';
  }

  onScanResponse(_advertisement: Advertisement | undefined): void {
    // An initiator does not ask.
  }

  onConnectInd(advertiser: Advertiser, wasHeard: boolean): void {
    if (!this.isEnabled) return;
    this.end();
    this.onSent(advertiser, wasHeard);
  }
}
