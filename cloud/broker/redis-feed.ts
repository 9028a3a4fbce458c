/**
 * The connection on which Redis sends: one per process, with a channel per lane that somebody here is interested in.
 *
 * Redis executes one script after the other and sends what they publish in that order, so what arrives on all channels
 * together is in the order of offsets. A message whose lane is selected by a channel and by a pattern arrives twice.
 */

import { Redis, type RedisOptions } from 'ioredis';
import type { Position } from './message.ts';
import { channelPattern, decodeEpoch, type Interest } from './redis-wire.ts';

export interface RedisFeedOptions {
  readonly connection: RedisOptions;
  readonly prefix: string;
  readonly pingMs: number;
  /** Channel of this process alone. */
  readonly own: string;
  readonly onMessage: (frame: Buffer) => void;
  /** On the channel of this process. */
  readonly onMarker: (text: string) => void;
  /** Offsets of another epoch follow. */
  readonly onEpoch: (position: Position) => void;
  /** Connected to this Redis process, and every channel subscribed to. */
  readonly onAttached: (run: string) => void;
  readonly onLost: () => void;
}

interface Lane {
  uses: number;
  subscribed: Promise<unknown>;
}

export class RedisFeed {
  readonly #redis: Redis;
  readonly #options: RedisFeedOptions;
  readonly #control: string;
  /** By channel or pattern, with a letter before it that says which. */
  readonly #lanes = new Map<string, Lane>();
  #pinging: NodeJS.Timeout | undefined;

  constructor(options: RedisFeedOptions) {
    this.#options = options;
    this.#control = `${options.prefix}:control`;
    const settings: RedisOptions & { replyMapping: 'legacy' } = {
      ...options.connection,
      autoResubscribe: false,
      replyMapping: 'legacy',
    };
    this.#redis = new Redis(settings);
    this.#redis.on('error', () => {});
    this.#redis.on('ready', () => void this.#attach());
    this.#redis.on('close', () => {
      clearInterval(this.#pinging);
      this.#options.onLost();
    });
    this.#redis.on('messageBuffer', (channel: Buffer, frame: Buffer) => this.#receive(channel, frame));
    this.#redis.on('pmessageBuffer', (_pattern: string, _channel: Buffer, frame: Buffer) =>
      this.#options.onMessage(frame),
    );
  }

  connect(): Promise<void> {
    return this.#redis.connect();
  }

  /** Resolves when everything published on these lanes from now on will arrive. Rejects when the connection is lost. */
  async open(interest: Interest): Promise<void> {
    const name = this.#nameOf(interest);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { uses: 0, subscribed: this.#subscribe(name) };
      this.#lanes.set(name, lane);
    }
    lane.uses += 1;
    try {
      await lane.subscribed;
    } catch (error) {
      this.release(interest);
      throw error;
    }
  }

  release(interest: Interest): void {
    const name = this.#nameOf(interest);
    const lane = this.#lanes.get(name);
    if (lane === undefined || --lane.uses > 0) return;
    this.#lanes.delete(name);
    const channel = name.slice(1);
    // Without a connection there is nothing to unsubscribe from.
    (name.startsWith('p') ? this.#redis.punsubscribe(channel) : this.#redis.unsubscribe(channel)).catch(() => {});
  }

  /** Gives the connection up and makes a new one. */
  reconnect(): void {
    this.#redis.disconnect(true);
  }

  close(): void {
    clearInterval(this.#pinging);
    this.#redis.disconnect();
  }

  #receive(channel: Buffer, frame: Buffer): void {
    const name = channel.toString();
    if (name === this.#options.own) this.#options.onMarker(frame.toString());
    else if (name === this.#control) this.#options.onEpoch(decodeEpoch(frame));
    else this.#options.onMessage(frame);
  }

  async #attach(): Promise<void> {
    let run: string;
    try {
      run = /^run_id:(\S+)/m.exec(await this.#redis.info('server'))?.[1] ?? '';
      const subscribing = [this.#redis.subscribe(this.#options.own, this.#control)];
      for (const [name, lane] of this.#lanes) {
        lane.subscribed = this.#subscribe(name);
        subscribing.push(lane.subscribed as Promise<unknown>);
      }
      await Promise.all(subscribing);
    } catch {
      // The connection is lost again, or Redis refuses: then a new connection is as good as any other answer.
      this.#redis.disconnect(true);
      return;
    }
    clearInterval(this.#pinging);
    this.#pinging = setInterval(() => this.#ping(), this.#options.pingMs);
    this.#options.onAttached(run);
  }

  /** Otherwise nobody would notice that a Redis which sends nothing has nothing to send, or hangs. */
  #ping(): void {
    this.#redis.ping().catch(() => this.#redis.disconnect(true));
  }

  #subscribe(name: string): Promise<unknown> {
    const channel = name.slice(1);
    const subscribed = name.startsWith('p') ? this.#redis.psubscribe(channel) : this.#redis.subscribe(channel);
    subscribed.catch(() => {});
    return subscribed;
  }

  #nameOf(interest: Interest): string {
    const channels = `${this.#options.prefix}:c:`;
    return interest.kind === 'lane' ? `c${channels}${interest.lane}` : `p${channelPattern(channels, interest.prefix)}`;
  }
}
