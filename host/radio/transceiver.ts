/**
 * One node's radio: it does one thing at a time, and what it does costs charge.
 *
 * Connections reserve their anchor points here, so that an advertiser or another connection of the node knows when it
 * must let go. Currents are parameters; the defaults are a Nordic nRF52832's (see docs/radio.md for the page).
 */
import type { Position } from './phy.ts';

/** What a radio draws, in milliamperes at `supplyVolts`. */
export interface RadioCurrents {
  readonly txMa: number;
  readonly rxMa: number;
  readonly sleepMa: number;
  readonly supplyVolts: number;
}

/**
 * Nordic nRF52832, whole chip with its DC/DC converter at 3 V: 0 dBm TX and RX at 1 Mbit/s with the crystal running, from
 * Product Specification v1.1, Power management, Current consumption: Radio. Asleep with the RTC: about 1.9 uA.
 */
export const NRF52832_CURRENTS: RadioCurrents = { txMa: 7.1, rxMa: 6.5, sleepMa: 0.0019, supplyVolts: 3 };

export interface RadioEnergy {
  readonly txUs: number;
  readonly rxUs: number;
  readonly sleepUs: number;
  readonly chargeUc: number;
  readonly energyUj: number;
}

/** What reserves time: a connection's next event. */
export interface Reservation {
  readonly anchorUs: number;
  /** Events in a row that this connection did not get. */
  readonly missedInRow: number;
}

export interface TransceiverOptions {
  readonly txPowerDbm?: number;
  readonly sensitivityDbm?: number;
  readonly position?: Position;
  readonly currents?: Partial<RadioCurrents>;
}

export class Transceiver {
  readonly txPowerDbm: number;
  readonly sensitivityDbm: number;
  position: Position | undefined;
  /** Until then it sends or receives for somebody. */
  busyUntilUs = 0;
  readonly reservations = new Set<Reservation>();
  private txUs = 0;
  private rxUs = 0;
  private readonly currents: RadioCurrents;
  private readonly sinceUs: number;

  constructor(options: TransceiverOptions, nowUs: number) {
    this.txPowerDbm = options.txPowerDbm ?? 0;
    this.sensitivityDbm = options.sensitivityDbm ?? -96;
    this.position = options.position;
    this.currents = { ...NRF52832_CURRENTS, ...options.currents };
    this.sinceUs = nowUs;
  }

  isFree(atUs: number): boolean {
    return this.busyUntilUs <= atUs;
  }

  transmit(fromUs: number, durationUs: number): void {
    this.txUs += durationUs;
    this.occupy(fromUs + durationUs);
  }

  receive(fromUs: number, durationUs: number): void {
    this.rxUs += durationUs;
    this.occupy(fromUs + durationUs);
  }

  /** Listening that anything else may interrupt: a scanner's. */
  listen(durationUs: number): void {
    this.rxUs += Math.max(0, durationUs);
  }

  /** Time in which the radio was on, for whatever reason. */
  get activeUs(): number {
    return this.txUs + this.rxUs;
  }

  /** When the next connection event of somebody else begins on this radio. */
  nextReservationUs(afterUs: number, except?: Reservation): number {
    let nearest = Number.POSITIVE_INFINITY;
    for (const reservation of this.reservations) {
      if (reservation === except || reservation.anchorUs <= afterUs) continue;
      if (reservation.anchorUs < nearest) nearest = reservation.anchorUs;
    }
    return nearest;
  }

  /** Somebody whose event begins before `untilUs` has waited longer than this one: this one should stand back. */
  mustYield(own: Reservation, nowUs: number, untilUs: number): boolean {
    for (const other of this.reservations) {
      if (other === own || other.anchorUs < nowUs || other.anchorUs >= untilUs) continue;
      if (other.missedInRow > own.missedInRow) return true;
    }
    return false;
  }

  energy(nowUs: number): RadioEnergy {
    const { txMa, rxMa, sleepMa, supplyVolts } = this.currents;
    const sleepUs = Math.max(0, nowUs - this.sinceUs - this.activeUs);
    const chargeUc = (this.txUs * txMa + this.rxUs * rxMa + sleepUs * sleepMa) / 1000;
    return { txUs: this.txUs, rxUs: this.rxUs, sleepUs, chargeUc, energyUj: chargeUc * supplyVolts };
  }

  private occupy(untilUs: number): void {
    if (untilUs > this.busyUntilUs) this.busyUntilUs = untilUs;
  }
}
