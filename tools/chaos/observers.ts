/** Observers: subscribers that resume from their last place, by the protocol's document and by the SDK. */

import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { type Position, RecordReader, recordFlags, recordKinds } from '../../cloud/protocol/index.ts';
import { type Dialect, RawConnection } from './connection.ts';
import { readSaid, type Trace } from './load.ts';

export const everything = 'chaos/#';

export interface ObserverOptions {
  readonly url: string;
  readonly trace: Trace;
  readonly now: () => number;
}

export interface Observer {
  readonly name: string;
  /** Resolves when the cloud has acknowledged the first subscription. */
  readonly begun: Promise<void>;
  /** Stops or goes on reading; undefined where that cannot be. */
  setReading?(reading: boolean): void;
  close(): Promise<void>;
}

/** Writes what an observer gets into the trace. */
export class Sightings {
  readonly #observer: string;
  readonly #options: Omit<ObserverOptions, 'url'>;

  constructor(observer: string, options: Omit<ObserverOptions, 'url'>) {
    this.#observer = observer;
    this.#options = options;
  }

  begin(): void {
    this.#options.trace({ t: 'observer', at: this.#options.now(), observer: this.#observer });
  }

  see(topic: string, data: unknown, offset?: number): void {
    const { trace, now } = this.#options;
    const said = readSaid(data);
    if (said === undefined) {
      const what = `${topic}: ${JSON.stringify(data)?.slice(0, 200)}`;
      trace({ t: 'corrupted', at: now(), observer: this.#observer, what });
      return;
    }
    const place = offset === undefined ? {} : { offset };
    trace({ t: 'delivered', at: now(), observer: this.#observer, publisher: said.p, seq: said.s, topic, ...place });
  }

  told(why: string): void {
    this.#options.trace({ t: 'told', at: this.#options.now(), observer: this.#observer, why });
  }

  note(what: string): void {
    this.#options.trace({ t: 'note', at: this.#options.now(), what: `${this.#observer}: ${what}` });
  }
}

/** A subscriber by the document alone, in either dialect. */
export class RawObserver implements Observer {
  readonly name: string;
  readonly begun: Promise<void>;
  readonly #sightings: Sightings;
  readonly #connection: RawConnection;
  readonly #topics = new Map<number, string>();
  #begin = () => {};
  /** Where it would resume; undefined before the first subscription. */
  #place: Position | undefined;
  #first: Position | undefined;
  #request = 0;

  constructor(name: string, dialect: Dialect, options: ObserverOptions) {
    this.name = name;
    this.#sightings = new Sightings(name, options);
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#connection = new RawConnection({
      owner: name,
      url: options.url,
      dialect,
      handlers: {
        onUp: () => this.#subscribe(),
        onText: (message) => this.#text(message),
        onBinary: (bytes) => this.#records(bytes),
        onDown: (reason) => this.#sightings.note(reason),
      },
    });
  }

  /** Where its first subscription began: everything since then is this run's. */
  get first(): Position | undefined {
    return this.#first;
  }

  setReading(reading: boolean): void {
    this.#connection.setReading(reading);
  }

  async close(): Promise<void> {
    this.#connection.stop();
  }

  #subscribe(): void {
    this.#topics.clear();
    const since = this.#place === undefined ? {} : { since: this.#place };
    this.#connection.send({ op: 'subscribe', id: ++this.#request, filter: everything, ...since });
  }

  #text(message: { readonly [field: string]: unknown }): void {
    if (message.op === 'message') {
      if (message.retained !== true) this.#see(message.topic as string, message.data, message.offset as number);
    } else if (message.op === 'ok' && message.id === this.#request) {
      this.#subscribed(message.position as Position, message.recovered as boolean | undefined);
    } else {
      this.#sightings.note(JSON.stringify(message));
      // A subscription that was refused is asked for again.
      if (message.op === 'error') this.#connection.reconnect('an error');
    }
  }

  #subscribed(position: Position, recovered: boolean | undefined): void {
    if (this.#place === undefined) {
      this.#first = position;
      this.#place = position;
      this.#sightings.begin();
      this.#begin();
    } else if (recovered === true) {
      this.#place = { epoch: position.epoch, offset: Math.max(position.offset, this.#place.offset) };
    } else {
      this.#sightings.told(`recovered is ${recovered}, since ${JSON.stringify(this.#place)}`);
      this.#place = position;
    }
  }

  #records(bytes: Uint8Array): void {
    const reader = new RecordReader(bytes);
    while (!reader.isAtEnd) {
      const head = reader.byte();
      const number = reader.number();
      if ((head & 0x0f) === recordKinds.topic) {
        this.#topics.set(number, reader.text());
        continue;
      }
      const offset = reader.number();
      const payload = reader.payload();
      if (head & recordFlags.retain) continue;
      this.#see(this.#topics.get(number) ?? `number ${number}`, parsed(payload), offset);
    }
  }

  #see(topic: string, data: unknown, offset: number): void {
    if (this.#place !== undefined) this.#place = { epoch: this.#place.epoch, offset };
    this.#sightings.see(topic, data, offset);
  }
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
}

/** A user of the SDK. */
export class SdkObserver implements Observer {
  readonly name: string;
  readonly begun: Promise<void>;
  readonly #client: CloudClient;
  #closed = false;

  constructor(name: string, options: ObserverOptions) {
    this.name = name;
    const sightings = new Sightings(name, options);
    this.#client = connect({
      url: options.url,
      keepaliveMs: 2000,
      backoffMs: { first: 50, longest: 300 },
      // A resumption that its own end interrupts is no news.
      onMissed: () => this.#closed || sightings.told('onMissed'),
      onHandlerError: (error) => sightings.note(String(error)),
    });
    this.#client.onState((connected, reason) => sightings.note(connected ? 'connected' : `disconnected: ${reason}`));
    this.begun = this.#client
      .subscribe(everything, (topic, data, retained) => {
        if (!retained) sightings.see(topic, data);
      })
      .then(() => sightings.begin());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client.close();
  }
}
