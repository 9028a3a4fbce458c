/**
 * The workloads: who publishes what to whom. Each is an open model: sample k of topic i is due at a time that does not
 * depend on how fast the server is, and latency counts from when it was due.
 */

export interface Workload {
  readonly name: string;
  /** Connections that publish, and topics of each. */
  readonly publishers: number;
  readonly topicsPerPublisher: number;
  readonly hz: number;
  readonly payloadBytes: number;
  /** Subscribers that each publisher's topics have; 0 together with `watchers`. */
  readonly subscribersPerPublisher: number;
  /** Subscribers that hear everything. */
  readonly watchers: number;
  /** Publishers hold samples for so long to send them together; only where the dialect batches. */
  readonly holdMs: number;
  /** What subscribers allow the server to hold live messages; only where the dialect batches. */
  readonly maxDelayMs: number;
  readonly acknowledged: boolean;
}

const sensors = {
  topicsPerPublisher: 1,
  hz: 4,
  payloadBytes: 70,
  subscribersPerPublisher: 1,
  watchers: 0,
  holdMs: 0,
  maxDelayMs: 0,
  acknowledged: false,
} as const;

export function oneToOne(publishers: number): Workload {
  return { ...sensors, name: 'one_to_one', publishers };
}

export function acknowledged(publishers: number): Workload {
  return { ...sensors, name: 'acknowledged', publishers, acknowledged: true };
}

export function fanOut(topics: number, subscribers: number): Workload {
  return { ...sensors, name: 'fan_out', publishers: topics, subscribersPerPublisher: subscribers };
}

/** A page that watches every probe; a gateway for 100 probes each. */
export function dashboard(probes: number, windowMs: number, gatewayWindowMs: number): Workload {
  const topicsPerPublisher = Math.min(100, probes);
  return {
    ...sensors,
    name: gatewayWindowMs > 0 ? 'dashboard' : 'dashboard_unbatched_publishers',
    publishers: Math.ceil(probes / topicsPerPublisher),
    topicsPerPublisher,
    subscribersPerPublisher: 0,
    watchers: 1,
    holdMs: gatewayWindowMs,
    maxDelayMs: windowMs,
  };
}

/** Probes behind gateways of ten, each gateway's samples heard by one subscriber, windows of 50 ms on both sides. */
export function gateways(probes: number): Workload {
  return {
    ...sensors,
    name: 'gateways',
    publishers: Math.ceil(probes / 10),
    topicsPerPublisher: 10,
    holdMs: 50,
    maxDelayMs: 50,
  };
}

/** Connections that a workload has open. */
export function connectionsOf({ publishers, subscribersPerPublisher, watchers }: Workload): number {
  return publishers * (1 + subscribersPerPublisher) + watchers;
}

/** Samples per second that subscribers get. */
export function deliveriesPerSecond(workload: Workload): number {
  const { publishers, topicsPerPublisher, hz, subscribersPerPublisher, watchers } = workload;
  return publishers * topicsPerPublisher * hz * (subscribersPerPublisher + watchers);
}
