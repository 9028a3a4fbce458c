/**
 * What the primary and its workers tell each other over the channel that node:cluster gives them. Messages of clients never
 * go this way, and secrets go no other.
 */

/** How a worker is to begin. */
export interface Begin {
  readonly kind: 'begin';
  /** Its number: the lowest that no other worker has. */
  readonly worker: number;
  readonly port: number;
  readonly mqttPort: number | undefined;
  /** What clients must show, when there is such a token. */
  readonly token: string | undefined;
  /** Where the messages are; undefined when an engine has them. */
  readonly hub: { readonly socket: string; readonly secret: string } | undefined;
  /** Most workers that there will be, for what they have to share. */
  readonly mostWorkers: number;
  /** Workers now, itself included. */
  readonly workers: number;
}

export type ToWorker =
  | Begin
  | { readonly kind: 'workers'; readonly count: number }
  /** Tell your metrics. */
  | { readonly kind: 'metrics'; readonly id: number }
  /** Everybody's metrics. */
  | { readonly kind: 'allMetrics'; readonly id: number; readonly text: string }
  /** Take no connections meanwhile, and send this share of the clients away over this time. */
  | { readonly kind: 'shed'; readonly share: number; readonly overMs: number }
  /** Take connections again. */
  | { readonly kind: 'listen' }
  /** Send all clients away over this time, and end. `alone`: nobody else takes connections, so refuse them. */
  | { readonly kind: 'drain'; readonly overMs: number; readonly alone: boolean };

/** How a worker has been since it last told. */
export interface WorkerLoad {
  /** Mean lateness of a timer. */
  readonly lagMs: number;
  /** Share of the time in which the event loop was busy. */
  readonly utilisation: number;
  readonly connections: number;
  /** Time of a question to the hub and its answer; undefined without a hub. */
  readonly hubMs: number | undefined;
}

export type ToPrimary =
  /** The process runs and waits for `begin`. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'listening'; readonly url: string }
  /** It cannot work, and ends. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | ({ readonly kind: 'load' } & WorkerLoad)
  | { readonly kind: 'metrics'; readonly id: number; readonly text: string }
  /** Somebody asks this worker for everybody's metrics. */
  | { readonly kind: 'allMetrics'; readonly id: number; readonly text: string }
  | { readonly kind: 'shed' }
  /** It was told by a signal of its own to end, and drains. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'drained' };
