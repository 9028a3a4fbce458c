/**
 * One connection on the air: its events, from anchor point to anchor point.
 *
 * Core Spec Vol 6 Part B 4.5.1 (connection events), 4.5.6 (closing them), 4.5.7 (window widening), 5.1.1 (connection
 * update at an instant), 5.1.6 (termination). An event is lived through in one go at its anchor point, within the time
 * that both radios have; what it delivers reaches the controllers at the microsecond when it was on air. So what a host
 * hands over during an event waits for the next one. Hopping is not modelled (see medium.ts).
 */
import { ERROR } from './hci.ts';
import type { ConnectionParameters, ControlPdu, LinkEnd, Pdu } from './link-end.ts';
import type { Medium } from './medium.ts';
import { EMPTY_PDU_US, NO_ANSWER_US, T_IFS_US } from './phy.ts';
import type { Appointment, Schedule } from './schedule.ts';

/** Sleep clock accuracy that both ends claim: 50 ppm each. */
const CLOCK_PPM = 50 + 50;
/** Active clock jitter allowed around each anchor point. */
const JITTER_US = 16;
/** An update takes effect this many events after it is queued, and the peripheral's latency more. */
const INSTANT_EVENTS = 6;

interface PendingUpdate {
  readonly instant: number;
  readonly parameters: ConnectionParameters;
  peripheralKnows: boolean;
}

export class Link {
  readonly central: LinkEnd;
  readonly peripheral: LinkEnd;
  private readonly schedule: Schedule;
  private readonly medium: Medium;
  private parameters: ConnectionParameters;
  private anchorUs: number;
  private eventCounter = 0;
  private skipped = 0;
  private update: PendingUpdate | undefined;
  private outOfStep = false;
  private next: Appointment | undefined;

  constructor(schedule: Schedule, medium: Medium, central: LinkEnd, peripheral: LinkEnd, firstAnchorUs: number) {
    this.schedule = schedule;
    this.medium = medium;
    this.central = central;
    this.peripheral = peripheral;
    this.parameters = central.parameters;
    this.anchorUs = firstAnchorUs;
    this.planEvent();
    for (const end of [central, peripheral]) if (!end.closed) end.radio.reservations.add(end);
  }

  /** The central's host wants other parameters. */
  requestUpdate(parameters: ConnectionParameters): void {
    const instant = (this.eventCounter + INSTANT_EVENTS + this.parameters.latency) & 0xffff;
    this.update = { instant, parameters, peripheralKnows: false };
    this.central.sendControl({ kind: 'LL_CONNECTION_UPDATE_IND', instant, parameters });
  }

  get updatePending(): boolean {
    return this.update !== undefined;
  }

  private planEvent(): void {
    this.central.anchorUs = this.anchorUs;
    this.peripheral.anchorUs = this.anchorUs;
    this.next = this.schedule.at(this.anchorUs, () => this.runEvent());
  }

  private runEvent(): void {
    const { central, peripheral } = this;
    this.applyUpdate();
    const nextAnchorUs = this.anchorUs + this.parameters.interval * 1250;
    this.exchange(nextAnchorUs);
    this.eventCounter = (this.eventCounter + 1) & 0xffff;
    for (const end of [central, peripheral]) this.supervise(end, nextAnchorUs);
    this.anchorUs = nextAnchorUs;
    if (central.closed && peripheral.closed) this.schedule.cancel(this.next);
    else this.planEvent();
  }

  /** At the instant both change over; a peripheral that never heard of it is lost. */
  private applyUpdate(): void {
    const { update } = this;
    if (update === undefined || update.instant !== this.eventCounter) return;
    this.update = undefined;
    this.parameters = update.parameters;
    for (const end of [this.central, this.peripheral]) {
      if (end === this.peripheral && !update.peripheralKnows) {
        this.outOfStep = true;
        continue;
      }
      end.parameters = update.parameters;
      if (!end.closed) end.events.onParameters(end);
    }
  }

  private supervise(end: LinkEnd, nextAnchorUs: number): void {
    if (end.closed || end.supervisionEndsUs > nextAnchorUs) return;
    this.schedule.at(end.supervisionEndsUs, () => {
      if (!end.closed && end.supervisionEndsUs <= this.schedule.nowUs) end.lose();
    });
  }

  private exchange(nextAnchorUs: number): void {
    const { central, peripheral, anchorUs } = this;
    const sends = this.takesPart(central, anchorUs);
    const listens = !this.outOfStep && !this.mayRest() && this.takesPart(peripheral, anchorUs);
    if (listens) this.openWindow();
    if (!sends) return;
    const endUs = Math.min(
      nextAnchorUs,
      ...[central, peripheral].map((end) => end.radio.nextReservationUs(anchorUs, end)),
    );
    let atUs = anchorUs;
    for (;;) {
      const sent = central.outgoing();
      central.radio.transmit(atUs, sent.pdu.durationUs);
      atUs += sent.pdu.durationUs;
      const isLast = this.closeAfterAcknowledging(central, atUs);
      if (!listens || peripheral.closed || !this.medium.arrives(central.radio, peripheral.radio)) {
        central.radio.receive(atUs, T_IFS_US + NO_ANSWER_US);
        return;
      }
      peripheral.radio.receive(atUs - sent.pdu.durationUs, sent.pdu.durationUs);
      this.deliver(peripheral, peripheral.incoming(sent, atUs), atUs);
      atUs += T_IFS_US;
      const answer = peripheral.outgoing();
      peripheral.radio.transmit(atUs, answer.pdu.durationUs);
      central.radio.receive(atUs, answer.pdu.durationUs);
      atUs += answer.pdu.durationUs;
      const wasLast = this.closeAfterAcknowledging(peripheral, atUs);
      if (isLast || central.closed || !this.medium.arrives(peripheral.radio, central.radio)) return;
      this.deliver(central, central.incoming(answer, atUs), atUs);
      const goesOn = sent.moreData || answer.moreData || central.hasData || central.closingReason !== undefined;
      const needsUs = T_IFS_US + central.nextDurationUs + T_IFS_US + peripheral.dataLength.txTimeUs + T_IFS_US;
      if (!goesOn || wasLast || atUs + needsUs > endUs) return;
      atUs += T_IFS_US;
    }
  }

  /** Whether this end's radio has time for the event; counts when it has not. */
  private takesPart(end: LinkEnd, anchorUs: number): boolean {
    if (end.closed) return false;
    end.counters.events++;
    const shortestUs = anchorUs + end.nextDurationUs + T_IFS_US + EMPTY_PDU_US;
    if (end.radio.isFree(anchorUs) && !end.radio.mustYield(end, anchorUs, shortestUs)) {
      end.missedInRow = 0;
      return true;
    }
    end.missedInRow++;
    end.counters.missedEvents++;
    return false;
  }

  /** Peripheral latency: with nothing to say it may sleep through some events, but not towards an update. */
  private mayRest(): boolean {
    const { peripheral } = this;
    const hasTime = this.skipped < this.parameters.latency && this.update === undefined;
    const rests = hasTime && peripheral.established && !peripheral.hasData;
    this.skipped = rests ? this.skipped + 1 : 0;
    return rests;
  }

  /** The peripheral does not know exactly when the central's clock will say now. */
  private openWindow(): void {
    const sinceUs = this.anchorUs - this.peripheral.lastHeardUs;
    this.peripheral.radio.listen(2 * ((sinceUs * CLOCK_PPM) / 1_000_000 + JITTER_US));
  }

  private deliver(
    end: LinkEnd,
    { acknowledged, received }: { acknowledged: Pdu | undefined; received: Pdu | undefined },
    atUs: number,
  ): void {
    if (acknowledged?.isLast === true) this.later(end, atUs, () => end.events.onCompleted(end, 1));
    if (acknowledged?.control?.kind === 'LL_TERMINATE_IND') {
      this.schedule.at(atUs, () => end.close(ERROR.CONNECTION_TERMINATED_BY_LOCAL_HOST));
    }
    if (received?.data !== undefined) {
      const { data, isStart } = received;
      this.later(end, atUs, () => end.events.onData(end, data, isStart === true));
    }
    if (received?.control !== undefined) this.receiveControl(end, received.control, atUs);
  }

  private receiveControl(end: LinkEnd, control: ControlPdu, atUs: number): void {
    if (control.kind === 'LL_TERMINATE_IND') {
      end.closingReason = control.reason;
    } else if (control.kind === 'LL_CONNECTION_UPDATE_IND') {
      if (this.update?.instant === control.instant) this.update.peripheralKnows = true;
      else this.schedule.at(atUs, () => end.close(ERROR.INSTANT_PASSED));
    } else {
      this.later(end, atUs, () => end.events.onControl(end, control));
    }
  }

  /** An end that was told to terminate has just sent the packet that acknowledges it. */
  private closeAfterAcknowledging(end: LinkEnd, atUs: number): boolean {
    const reason = end.closingReason;
    if (reason === undefined) return false;
    this.schedule.at(atUs, () => end.close(reason));
    return true;
  }

  private later(end: LinkEnd, atUs: number, run: () => void): void {
    this.schedule.at(atUs, () => {
      if (!end.closed) run();
    });
  }
}
