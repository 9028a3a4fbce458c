/**
 * Publishers and recorders behind a balancer: what was acknowledged, and what came.
 *
 * Each publisher sends numbers in order on a topic of its own and repeats, with the same sequence numbers, what was not
 * acknowledged when its connection ended, as the SDK asks its users to.
 */

import { EventEmitter, once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';

const backoffMs = { first: 50, longest: 400 };
/** Publishes that are under way at a time. */
const window = 4;
const pauseMs = 10;

class LoadPublisher {
  readonly topic: string;
  readonly #client: CloudClient;
  #acknowledged = 0;

  constructor(url: string, topic: string) {
    this.topic = topic;
    this.#client = connect({ url, publisher: topic.replaceAll('/', '-'), backoffMs });
  }

  /** Numbers up to this one are acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Publishes until it is told to stop and the last window is acknowledged. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#publishWindow();
      await after(pauseMs);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #publishWindow(): Promise<void> {
    const numbers = Array.from({ length: window }, (_, index) => this.#acknowledged + 1 + index);
    for (;;) {
      const answers = numbers.map((number) => this.#client.publishAcknowledged(this.topic, number, number));
      const settled = await Promise.allSettled(answers);
      if (settled.every(({ status }) => status === 'fulfilled')) break;
      await after(pauseMs);
    }
    this.#acknowledged += window;
  }
}

class Recorder {
  /** Topic to the numbers that came. */
  readonly heard = new Map<string, number[]>();
  readonly #filter: string;
  readonly #client: CloudClient;
  readonly #news = new EventEmitter();
  missed = 0;

  constructor(url: string, filter: string) {
    this.#filter = filter;
    this.#client = connect({
      url,
      backoffMs,
      onMissed: () => {
        this.missed += 1;
      },
    });
  }

  async start(): Promise<void> {
    await this.#client.subscribe(this.#filter, (topic, data) => {
      const numbers = this.heard.get(topic) ?? [];
      this.heard.set(topic, numbers);
      numbers.push(data as number);
      this.#news.emit('news');
    });
  }

  async reaches(topic: string, number: number): Promise<void> {
    while ((this.heard.get(topic)?.at(-1) ?? 0) < number) await once(this.#news, 'news');
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** What came of a load, each recorder and topic added up. */
export interface Outcome {
  readonly acknowledged: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Times that a recorder was told that it may have missed something. */
  readonly missed: number;
}

export class Load {
  readonly #publishers: readonly LoadPublisher[];
  readonly #recorders: readonly Recorder[];
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  /** @param url of the balancer, `http:` */
  constructor(url: string, site: string, publishers: number, recorders: number) {
    const address = url.replace(/^http/, 'ws');
    const topics = Array.from({ length: publishers }, (_, index) => `${site}/${index}/load`);
    this.#publishers = topics.map((topic) => new LoadPublisher(address, topic));
    this.#recorders = Array.from({ length: recorders }, () => new Recorder(address, `${site}/#`));
  }

  async start(): Promise<void> {
    await Promise.all(this.#recorders.map((recorder) => recorder.start()));
    this.#running = Promise.all(this.#publishers.map((publisher) => publisher.run(this.#stop.signal)));
  }

  /** Resolves when every publisher has so many more acknowledged and every recorder has them: all are connected again. */
  async goesOn(messages = 20): Promise<void> {
    const goals = this.#publishers.map((publisher) => ({ publisher, goal: publisher.acknowledged + messages }));
    for (const { publisher, goal } of goals) {
      while (publisher.acknowledged < goal) await after(pauseMs);
      for (const recorder of this.#recorders) await recorder.reaches(publisher.topic, goal);
    }
  }

  async end(): Promise<Outcome> {
    this.#stop.abort();
    await this.#running;
    for (const { topic, acknowledged } of this.#publishers) {
      for (const recorder of this.#recorders) await recorder.reaches(topic, acknowledged);
    }
    return this.#outcome();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#publishers, ...this.#recorders].map((client) => client.close()));
  }

  #outcome(): Outcome {
    const outcome = { acknowledged: 0, lost: 0, duplicated: 0, reordered: 0, missed: 0 };
    for (const { topic, acknowledged } of this.#publishers) {
      outcome.acknowledged += acknowledged;
      for (const { heard } of this.#recorders) {
        const numbers = heard.get(topic) ?? [];
        const different = new Set(numbers);
        outcome.duplicated += numbers.length - different.size;
        for (let number = 1; number <= acknowledged; number++) if (!different.has(number)) outcome.lost += 1;
        outcome.reordered += numbers.filter((number, index) => index > 0 && number < numbers[index - 1]!).length;
      }
    }
    for (const { missed } of this.#recorders) outcome.missed += missed;
    return outcome;
  }
}
