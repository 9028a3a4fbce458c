/**
 * The advertising state: a packet on each of three channels every interval, and answers to who asks.
 *
 * Core Spec Vol 6 Part B 4.4.2 (advertising events, advDelay), 2.3 (advertising PDUs), 4.4.2.3 (scan and connection
 * requests). ADV_IND, ADV_SCAN_IND and ADV_NONCONN_IND; left out: directed and extended advertising.
 * While nobody on the air listens, an event is counted and paid for but not lived packet by packet.
 */
import type { DeviceAddress } from './address.ts';
import type { Medium, Transmission } from './medium.ts';
import { airTimeUs, NO_ANSWER_US, T_IFS_US } from './phy.ts';
import type { Random } from './random.ts';
import type { Appointment, Schedule } from './schedule.ts';
import type { Transceiver } from './transceiver.ts';

/** Advertising_Type of LE Set Advertising Parameters, and Event_Type of a report. */
export const ADVERTISING_TYPE = { ADV_IND: 0, ADV_SCAN_IND: 2, ADV_NONCONN_IND: 3, SCAN_RSP: 4 } as const;

export interface AdvertisingParameters {
  readonly intervalUs: number;
  readonly type: number;
  /** Bit 0 channel 37, bit 1 38, bit 2 39. */
  readonly channelMap: number;
  /** Bit 0: scan requests only from the filter accept list; bit 1: connection requests likewise. */
  readonly filterPolicy: number;
}

/** One who listens on advertising channels: a scanner or an initiator. */
export interface Listener {
  readonly radio: Transceiver;
  readonly address: DeviceAddress;
  isListening(channel: number, fromUs: number, toUs: number): boolean;
  /** An advertisement arrived; says what it wants to answer. */
  onAdvertisement(advertisement: Advertisement): 'nothing' | 'SCAN_REQ' | 'CONNECT_IND';
  /** The scan request that it sent was answered, or not. */
  onScanResponse(advertisement: Advertisement | undefined): void;
  /** Its CONNECT_IND has been sent; the advertiser heard it or not. */
  onConnectInd(advertiser: Advertiser, wasHeard: boolean): void;
}

export interface Advertisement {
  readonly from: Advertiser;
  readonly type: number;
  readonly address: DeviceAddress;
  readonly data: Uint8Array;
  readonly rssiDbm: number;
}

const MAX_ADV_DELAY_US = 10_000;
const ADDRESS_OCTETS = 6;
const SCAN_REQ_OCTETS = 12;
const CONNECT_IND_OCTETS = 34;

export interface AdvertiserContext {
  readonly schedule: Schedule;
  readonly medium: Medium;
  readonly random: Random;
  readonly listeners: ReadonlySet<Listener>;
}

export class Advertiser {
  parameters: AdvertisingParameters = { intervalUs: 1_280_000, type: 0, channelMap: 7, filterPolicy: 0 };
  data: Uint8Array = new Uint8Array(0);
  scanResponseData: Uint8Array = new Uint8Array(0);
  readonly counters = { events: 0, scanRequests: 0, connectRequests: 0, skippedEvents: 0 };
  readonly radio: Transceiver;
  private readonly context: AdvertiserContext;
  private readonly addressNow: () => DeviceAddress;
  private readonly accepts: (address: DeviceAddress) => boolean;
  private next: Appointment | undefined;
  private run = 0;

  constructor(
    context: AdvertiserContext,
    radio: Transceiver,
    host: {
      address(): DeviceAddress;
      accepts(address: DeviceAddress): boolean;
    },
  ) {
    this.context = context;
    this.radio = radio;
    this.addressNow = host.address;
    this.accepts = host.accepts;
  }

  get isEnabled(): boolean {
    return this.next !== undefined;
  }

  get address(): DeviceAddress {
    return this.addressNow();
  }

  start(): void {
    if (this.isEnabled) return;
    const { schedule, random } = this.context;
    this.next = schedule.at(schedule.nowUs + random.below(MAX_ADV_DELAY_US), () => this.event());
  }

  stop(): void {
    this.context.schedule.cancel(this.next);
    this.next = undefined;
    this.run++;
  }

  private event(): void {
    const { schedule, random } = this.context;
    const delayUs = this.parameters.intervalUs + random.below(MAX_ADV_DELAY_US + 1);
    this.next = schedule.at(schedule.nowUs + delayUs, () => this.event());
    this.counters.events++;
    if (this.context.listeners.size === 0) this.pay();
    else this.sendOn(0, this.run);
  }

  /** The radio's time of an event that nobody can hear. */
  private pay(): void {
    let atUs = this.context.schedule.nowUs;
    const listenUs = this.isAnswerable ? T_IFS_US + NO_ANSWER_US : 0;
    for (let index = 0; index < 3; index++) {
      if ((this.parameters.channelMap & (1 << index)) === 0) continue;
      if (!this.hasTime(atUs)) return;
      this.radio.transmit(atUs, this.durationUs);
      this.radio.receive(atUs + this.durationUs, listenUs);
      atUs += this.durationUs + listenUs;
    }
  }

  private get durationUs(): number {
    return airTimeUs(ADDRESS_OCTETS + this.data.length);
  }

  private get isAnswerable(): boolean {
    return this.parameters.type !== ADVERTISING_TYPE.ADV_NONCONN_IND;
  }

  /** Connections come first: nothing is begun that would reach into their next event. */
  private hasTime(atUs: number): boolean {
    const endUs = atUs + this.durationUs + T_IFS_US + NO_ANSWER_US;
    if (this.radio.isFree(atUs) && this.radio.nextReservationUs(atUs) > endUs) return true;
    this.counters.skippedEvents++;
    return false;
  }

  private sendOn(index: number, run: number): void {
    if (index > 2 || run !== this.run) return;
    if ((this.parameters.channelMap & (1 << index)) === 0) {
      this.sendOn(index + 1, run);
      return;
    }
    const { schedule, medium } = this.context;
    if (!this.hasTime(schedule.nowUs)) return;
    medium.transmit(this.radio, 37 + index, this.durationUs, (sent) => this.collectAnswers(sent, index, run));
  }

  /** The packet is out: who heard it, and who answers? */
  private collectAnswers(sent: Transmission, index: number, run: number): void {
    const { schedule } = this.context;
    const scanning: Listener[] = [];
    const initiating: Listener[] = [];
    for (const listener of this.context.listeners) {
      const advertisement = this.heardBy(listener, sent, this.parameters.type, this.data);
      if (advertisement === undefined) continue;
      const answer = listener.onAdvertisement(advertisement);
      // A node that initiates and scans sends one of the two.
      if (answer === 'SCAN_REQ' && !initiating.some(({ radio }) => radio === listener.radio)) scanning.push(listener);
      if (answer === 'CONNECT_IND') initiating.push(listener);
    }
    const nobody = scanning.length + initiating.length === 0;
    const listenUs = this.isAnswerable ? T_IFS_US + NO_ANSWER_US : 0;
    this.radio.receive(schedule.nowUs, listenUs);
    if (nobody) {
      schedule.at(schedule.nowUs + listenUs, () => this.sendOn(index + 1, run));
      return;
    }
    schedule.at(schedule.nowUs + T_IFS_US, () => this.hearAnswers(sent.channel, scanning, initiating, index, run));
  }

  private heardBy(listener: Listener, sent: Transmission, type: number, data: Uint8Array): Advertisement | undefined {
    if (listener.radio === this.radio || !listener.isListening(sent.channel, sent.startUs, sent.endUs))
      return undefined;
    if (!this.context.medium.hears(sent, listener.radio)) return undefined;
    const rssiDbm = this.context.medium.rssiDbm(this.radio, listener.radio);
    return { from: this, type, address: this.address, data, rssiDbm };
  }

  private hearAnswers(channel: number, scanning: Listener[], initiating: Listener[], index: number, run: number): void {
    const { medium, schedule } = this.context;
    const startUs = schedule.nowUs;
    let longestUs = 0;
    for (const listener of scanning) {
      const durationUs = airTimeUs(SCAN_REQ_OCTETS);
      longestUs = Math.max(longestUs, durationUs);
      medium.transmit(listener.radio, channel, durationUs, (sent) => this.onScanRequest(sent, listener, index, run));
    }
    for (const listener of initiating) {
      const durationUs = airTimeUs(CONNECT_IND_OCTETS);
      longestUs = Math.max(longestUs, durationUs);
      medium.transmit(listener.radio, channel, durationUs, (sent) => this.onConnectInd(sent, listener, run));
    }
    this.radio.receive(startUs, longestUs);
    // When none of the answers gets through, the event goes on; when one does, `run` or the radio says so.
    schedule.at(startUs + longestUs + T_IFS_US, () => {
      if (this.radio.isFree(schedule.nowUs)) this.sendOn(index + 1, run);
    });
  }

  private onScanRequest(sent: Transmission, listener: Listener, index: number, run: number): void {
    const { medium, schedule } = this.context;
    const isTaken = run === this.run && medium.hears(sent, this.radio);
    if (!isTaken || ((this.parameters.filterPolicy & 1) !== 0 && !this.accepts(listener.address))) {
      listener.onScanResponse(undefined);
      return;
    }
    this.counters.scanRequests++;
    const data = this.scanResponseData;
    const durationUs = airTimeUs(ADDRESS_OCTETS + data.length);
    this.radio.receive(schedule.nowUs, T_IFS_US + 1);
    schedule.at(schedule.nowUs + T_IFS_US, () => {
      medium.transmit(this.radio, sent.channel, durationUs, (answer) => {
        listener.radio.receive(answer.startUs, durationUs);
        const heard = medium.hears(answer, listener.radio);
        const rssiDbm = medium.rssiDbm(this.radio, listener.radio);
        listener.onScanResponse(
          heard ? { from: this, type: ADVERTISING_TYPE.SCAN_RSP, address: this.address, data, rssiDbm } : undefined,
        );
        schedule.at(schedule.nowUs + T_IFS_US, () => this.sendOn(index + 1, run));
      });
    });
  }

  private onConnectInd(sent: Transmission, listener: Listener, run: number): void {
    const isTaken =
      run === this.run &&
      this.context.medium.hears(sent, this.radio) &&
      ((this.parameters.filterPolicy & 2) === 0 || this.accepts(listener.address));
    if (isTaken) {
      this.counters.connectRequests++;
      this.stop();
    }
    listener.onConnectInd(this, isTaken);
  }
}
