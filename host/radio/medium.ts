/**
 * The space between the radios: who hears whom, how strongly, and what is lost.
 *
 * Packets on the three advertising channels collide when they overlap in time at a receiver (Core Spec Vol 6 Part A 4.2).
 * Packets of connections do not: each connection hops over 37 data channels, and two at the same time on the same one are
 * rare enough to be part of the loss rate.
 */
import { CO_CHANNEL_DB, pathLossDb } from './phy.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';
import type { Transceiver } from './transceiver.ts';

/** A packet on an advertising channel. */
export interface Transmission {
  readonly from: Transceiver;
  readonly channel: number;
  readonly startUs: number;
  readonly endUs: number;
}

/** What a test or the command line sets between two radios, or for all. */
export interface PathSettings {
  /** Share of packets that do not arrive, 0 to 1. */
  lossRate?: number;
  /** dBm at the receiver, instead of the one that the positions give. */
  rssiDbm?: number;
}

export interface MediumOptions {
  readonly lossRate?: number;
  readonly pathLossExponent?: number;
}

/** Received power where no positions are known: two devices on a desk. */
const DESK_RSSI_DBM = -50;
/** The longest packet on an advertising channel. */
const LONGEST_US = 400;

export class Medium {
  lossRate: number;
  readonly counters = { advertisingPdus: 0, collisions: 0, lost: 0 };
  private readonly random: Random;
  private readonly schedule: Schedule;
  private readonly exponent: number;
  private readonly paths = new Map<Transceiver, Map<Transceiver, PathSettings>>();
  private onAir: Transmission[] = [];

  constructor(schedule: Schedule, random: Random, options: MediumOptions) {
    this.schedule = schedule;
    this.random = random;
    this.lossRate = options.lossRate ?? 0;
    this.exponent = options.pathLossExponent ?? 2;
  }

  /** Sets what differs between two radios, in both directions; an empty object takes it back. */
  setPath(a: Transceiver, b: Transceiver, settings: PathSettings): void {
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const row = this.paths.get(from) ?? new Map<Transceiver, PathSettings>();
      row.set(to, settings);
      this.paths.set(from, row);
    }
  }

  forget(radio: Transceiver): void {
    this.paths.delete(radio);
    for (const row of this.paths.values()) row.delete(radio);
  }

  /** dBm of `from` at `to`. */
  rssiDbm(from: Transceiver, to: Transceiver): number {
    const set = this.paths.get(from)?.get(to)?.rssiDbm;
    if (set !== undefined) return set;
    if (from.position === undefined || to.position === undefined) return DESK_RSSI_DBM;
    return Math.round(from.txPowerDbm - pathLossDb(from.position, to.position, this.exponent));
  }

  isInRange(from: Transceiver, to: Transceiver): boolean {
    return this.rssiDbm(from, to) >= to.sensitivityDbm;
  }

  /** Whether one packet arrives, leaving collisions aside. Throws the dice. */
  arrives(from: Transceiver, to: Transceiver): boolean {
    if (!this.isInRange(from, to)) return false;
    const rate = this.paths.get(from)?.get(to)?.lossRate ?? this.lossRate;
    if (rate > 0 && this.random.fraction() < rate) {
      this.counters.lost++;
      return false;
    }
    return true;
  }

  /** Puts a packet on an advertising channel from now on; `onEnd` runs when its last bit is out. */
  transmit(from: Transceiver, channel: number, durationUs: number, onEnd: (sent: Transmission) => void): void {
    const startUs = this.schedule.nowUs;
    const sent = { from, channel, startUs, endUs: startUs + durationUs };
    from.transmit(startUs, durationUs);
    this.counters.advertisingPdus++;
    this.onAir = this.onAir.filter((other) => other.endUs > startUs - LONGEST_US);
    this.onAir.push(sent);
    this.schedule.at(sent.endUs, () => onEnd(sent));
  }

  /** Whether a receiver that listened all the time got this packet. Call when it ends. */
  hears(sent: Transmission, receiver: Transceiver): boolean {
    if (!this.arrives(sent.from, receiver)) return false;
    const rssi = this.rssiDbm(sent.from, receiver);
    for (const other of this.onAir) {
      if (other === sent || other.channel !== sent.channel || other.from === receiver) continue;
      if (other.endUs <= sent.startUs || other.startUs >= sent.endUs) continue;
      if (rssi - this.rssiDbm(other.from, receiver) < CO_CHANNEL_DB) {
        this.counters.collisions++;
        return false;
      }
    }
    return true;
  }
}
