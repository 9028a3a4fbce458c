/**
 * One end of a connection: its queues, its sequence numbers, what it knows of the other.
 *
 * Core Spec Vol 6 Part B 4.5.9 (acknowledgement and flow control: SN, NESN, one PDU in flight), 2.4 (data and control
 * PDUs), 5.1 (control procedures). An end never touches its peer: PDUs pass between them in link.ts, and may get lost.
 * Left out: encryption, PHY and channel map updates, the connection parameters request procedure (hosts use L2CAP's).
 */
import { ERROR, PACKET_BOUNDARY } from './hci.ts';
import { airTimeUs, EMPTY_PDU_US } from './phy.ts';
import type { Reservation, Transceiver } from './transceiver.ts';

export const ROLE = { CENTRAL: 0, PERIPHERAL: 1 } as const;

export interface ConnectionParameters {
  /** Units of 1.25 ms. */
  readonly interval: number;
  /** Events that a peripheral with nothing to say may skip. */
  readonly latency: number;
  /** Units of 10 ms. */
  readonly timeout: number;
}

/** LL control PDUs that Earl's link layer speaks, Vol 6 Part B 2.4.2. `octets` is the payload with its opcode. */
export type ControlPdu =
  | { readonly kind: 'LL_TERMINATE_IND'; readonly reason: number }
  | { readonly kind: 'LL_CONNECTION_UPDATE_IND'; readonly instant: number; readonly parameters: ConnectionParameters }
  | { readonly kind: 'LL_FEATURE_REQ' | 'LL_PERIPHERAL_FEATURE_REQ' | 'LL_FEATURE_RSP'; readonly features: Uint8Array }
  | { readonly kind: 'LL_VERSION_IND'; readonly version: LinkLayerVersion }
  | { readonly kind: 'LL_LENGTH_REQ' | 'LL_LENGTH_RSP'; readonly length: DataLength };

export interface LinkLayerVersion {
  readonly version: number;
  readonly company: number;
  readonly subversion: number;
}

/** Vol 6 Part B 4.5.10: octets of payload and microseconds of a packet, each way. */
export interface DataLength {
  readonly rxOctets: number;
  readonly rxTimeUs: number;
  readonly txOctets: number;
  readonly txTimeUs: number;
}

const CONTROL_OCTETS: Readonly<Record<ControlPdu['kind'], number>> = {
  LL_TERMINATE_IND: 2,
  LL_CONNECTION_UPDATE_IND: 12,
  LL_FEATURE_REQ: 9,
  LL_PERIPHERAL_FEATURE_REQ: 9,
  LL_FEATURE_RSP: 9,
  LL_VERSION_IND: 6,
  LL_LENGTH_REQ: 9,
  LL_LENGTH_RSP: 9,
};

/** The data length that every link begins with. */
export const INITIAL_OCTETS = 27;
/** Vol 6 Part B 4.5.10: 27 octets and a MIC, uncoded. */
export const INITIAL_TIME_US = 328;

/** Room for a MIC of four octets, as connMaxTxTime has it. */
export function dataTimeUs(octets: number): number {
  return Math.max(INITIAL_TIME_US, airTimeUs(octets + 4));
}

/** What is on air; `data` without `control` is a piece of ACL data, neither is an empty PDU. */
export interface Pdu {
  readonly control?: ControlPdu;
  readonly data?: Uint8Array;
  /** The data begins an L2CAP frame (LLID 10) or goes on with one (LLID 01). */
  readonly isStart?: boolean;
  /** With this piece the host's packet is complete. */
  readonly isLast?: boolean;
  readonly durationUs: number;
}

/** A PDU with the header bits that it had when it was sent. */
export interface SentPdu {
  readonly pdu: Pdu;
  readonly sn: number;
  readonly nesn: number;
  readonly moreData: boolean;
}

/** What an end tells its controller. Times are the air's. */
export interface LinkEndEvents {
  onData(end: LinkEnd, data: Uint8Array, isStart: boolean): void;
  /** The other side has acknowledged that many of the host's packets. */
  onCompleted(end: LinkEnd, packets: number): void;
  onControl(end: LinkEnd, control: ControlPdu): void;
  onClosed(end: LinkEnd, reason: number): void;
  onParameters(end: LinkEnd): void;
}

const EMPTY_PDU: Pdu = { durationUs: EMPTY_PDU_US };

export class LinkEnd implements Reservation {
  readonly role: number;
  readonly radio: Transceiver;
  readonly events: LinkEndEvents;
  /** The host's name for the connection; its controller gives it. */
  handle = 0;
  anchorUs = 0;
  missedInRow = 0;
  parameters: ConnectionParameters;
  dataLength: DataLength = {
    rxOctets: INITIAL_OCTETS,
    rxTimeUs: INITIAL_TIME_US,
    txOctets: INITIAL_OCTETS,
    txTimeUs: INITIAL_TIME_US,
  };
  lastHeardUs: number;
  established = false;
  closed = false;
  /** It has received LL_TERMINATE_IND and closes when it has acknowledged. */
  closingReason: number | undefined;
  /** Both ends count: events, packets, packets sent again. */
  readonly counters = { events: 0, missedEvents: 0, pdusSent: 0, retransmissions: 0, octetsSent: 0 };
  private readonly control: Pdu[] = [];
  private readonly data: Pdu[] = [];
  private inFlight: Pdu | undefined;
  private wasSent = false;
  private sn = 0;
  private nesn = 0;

  constructor(
    role: number,
    radio: Transceiver,
    events: LinkEndEvents,
    parameters: ConnectionParameters,
    nowUs: number,
  ) {
    this.role = role;
    this.radio = radio;
    this.events = events;
    this.parameters = parameters;
    this.lastHeardUs = nowUs;
  }

  get hasData(): boolean {
    return (
      this.control.length > 0 || this.data.length > 0 || (this.inFlight !== undefined && this.inFlight !== EMPTY_PDU)
    );
  }

  /** Queues one packet of the host, cut to the length that the link carries. The controller limits how many. */
  sendAcl(boundary: number, payload: Uint8Array): void {
    const { txOctets } = this.dataLength;
    let isStart = boundary !== PACKET_BOUNDARY.CONTINUING;
    let at = 0;
    do {
      const data = payload.subarray(at, at + txOctets);
      at += data.length;
      this.data.push({ data, isStart, isLast: at >= payload.length, durationUs: airTimeUs(data.length) });
      isStart = false;
    } while (at < payload.length);
  }

  /** Queues a control PDU; it goes before data that is not on its way yet. */
  sendControl(control: ControlPdu): void {
    this.control.push({ control, durationUs: airTimeUs(CONTROL_OCTETS[control.kind]) });
  }

  /** The PDU for the next transmission: the one in flight again, or a new one. */
  outgoing(): SentPdu {
    if (this.inFlight === undefined) {
      this.inFlight = this.control.shift() ?? this.data.shift() ?? EMPTY_PDU;
      this.wasSent = false;
    }
    if (this.wasSent) this.counters.retransmissions++;
    this.wasSent = true;
    this.counters.pdusSent++;
    this.counters.octetsSent += this.inFlight.data?.length ?? 0;
    const moreData = this.control.length > 0 || this.data.length > 0;
    return { pdu: this.inFlight, sn: this.sn, nesn: this.nesn, moreData };
  }

  /** How long the next transmission would take. */
  get nextDurationUs(): number {
    return (this.inFlight ?? this.control[0] ?? this.data[0] ?? EMPTY_PDU).durationUs;
  }

  /** Takes what arrived: acknowledges what was in flight, and returns the PDU when it is not a repetition. */
  incoming(sent: SentPdu, atUs: number): { acknowledged: Pdu | undefined; received: Pdu | undefined } {
    this.lastHeardUs = atUs;
    this.established = true;
    let acknowledged: Pdu | undefined;
    if (this.inFlight !== undefined && this.wasSent && sent.nesn !== this.sn) {
      this.sn ^= 1;
      acknowledged = this.inFlight;
      this.inFlight = undefined;
    }
    if (sent.sn !== this.nesn) return { acknowledged, received: undefined };
    this.nesn ^= 1;
    return { acknowledged, received: sent.pdu };
  }

  /** When it gives the other up, Vol 6 Part B 4.5.2: six intervals at first, then the supervision timeout. */
  get supervisionEndsUs(): number {
    const { interval, timeout } = this.parameters;
    return this.lastHeardUs + (this.established ? timeout * 10_000 : 6 * interval * 1250);
  }

  close(reason: number): void {
    if (this.closed) return;
    this.closed = true;
    this.radio.reservations.delete(this);
    this.events.onClosed(this, reason);
  }

  /** Gives up because nothing was heard. */
  lose(): void {
    this.close(this.established ? ERROR.CONNECTION_TIMEOUT : ERROR.CONNECTION_FAILED_TO_BE_ESTABLISHED);
  }
}
