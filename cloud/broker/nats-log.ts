/**
 * The stream of JetStream that holds a cloud's messages: batches of records (engine-record.ts), each with who wrote it and
 * that server's count before them. The epoch is in the stream's description.
 *
 * At a leaf node the local stream is a mirror of the one in the home domain: it has the same sequence numbers, is read in
 * its place, and takes no messages; what is published crosses the leaf connection to the home stream, which answers.
 */

import {
  type ConsumerMessages,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { EarlError } from '../../errors/index.ts';
import { decodeBatch, encodeBatch, type StoredBatch } from './nats-batch.ts';

export interface NatsLogOptions {
  readonly nats: NatsConnection;
  readonly prefix: string;
  /** JetStream domain of the streams; undefined when the server at hand has them. */
  readonly home: string | undefined;
  readonly historyBytes: number;
  readonly retainedTopics: number;
}

/** What a stream has: sequences of its first and last batch. */
export interface LogState {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

const twoMinutesInNs = 120e9;
const requestTimeoutMs = 3_000;
const fetchTimeoutMs = 5_000;
const epochText = /epoch (\w+)/;

export class NatsLog {
  readonly #options: NatsLogOptions;
  readonly #client: JetStreamClient;
  readonly #local: JetStreamManager;
  readonly #home: JetStreamManager;
  #following: ConsumerMessages | undefined;
  /** Counts what was followed: deliveries of a consumer that was given up are not taken. */
  #followed = 0;

  static async open(options: NatsLogOptions): Promise<NatsLog> {
    const { nats, home } = options;
    const local = await jetstreamManager(nats, { timeout: requestTimeoutMs });
    const remote =
      home === undefined
        ? local
        : await jetstreamManager(nats, { domain: home, checkAPI: false, timeout: requestTimeoutMs });
    return new NatsLog(options, local, remote);
  }

  private constructor(options: NatsLogOptions, local: JetStreamManager, home: JetStreamManager) {
    this.#options = options;
    this.#client = jetstream(options.nats, { timeout: requestTimeoutMs });
    this.#local = local;
    this.#home = home;
  }

  get isMirror(): boolean {
    return this.#options.home !== undefined;
  }

  /** Names of the streams of last values, by what their subjects begin with. */
  get lastValueStreams(): readonly (readonly [stream: string, subjects: string])[] {
    const { prefix } = this.#options;
    return [
      [`${prefix}-last`, `${prefix}.r`],
      [`${prefix}-server`, `${prefix}.q`],
    ];
  }

  /** Makes the streams that are missing. A leaf node that has been here before needs no home to go on. */
  async make(newEpoch: string): Promise<void> {
    const configs = this.#configs(newEpoch);
    if (!this.isMirror) {
      await this.makeHome(newEpoch);
      checkHome(await this.#local.streams.info(this.#options.prefix));
      return;
    }
    const missing = (await Promise.all(configs.map(({ name }) => infoOf(this.#local, name)))).some((info) => !info);
    if (missing) await this.mirror(newEpoch);
    else checkMirror(await this.#local.streams.info(this.#options.prefix), this.#options.home!);
  }

  /** Makes the streams at home that are missing. */
  async makeHome(newEpoch: string): Promise<void> {
    for (const config of this.#configs(newEpoch)) await this.#ensure(this.#home, config);
  }

  /** Makes mirrors anew where they are missing or of another epoch than the home. Rejects when the home is away. */
  async mirror(newEpoch: string): Promise<void> {
    await this.makeHome(newEpoch);
    const { epoch } = await this.homeState();
    for (const config of this.#configs(epoch)) {
      const { name, description = '', max_bytes = -1 } = config;
      const existing = await infoOf(this.#local, name);
      if (existing) checkMirror(existing, this.#options.home!);
      if (existing?.config.description === description) continue;
      if (existing) await this.#local.streams.delete(name);
      const mirror = { name, domain: this.#options.home! };
      await this.#ensure(this.#local, { name, description, max_bytes, storage: StorageType.File, mirror });
    }
  }

  /** Of the stream that is read here. */
  async state(): Promise<LogState> {
    return stateOf(await this.#local.streams.info(this.#options.prefix));
  }

  /** Of the stream that takes messages. */
  async homeState(): Promise<LogState> {
    return stateOf(await this.#home.streams.info(this.#options.prefix));
  }

  /** Whether the home has the same batch at the place of this one; true when it may have dropped it since. */
  async isAtHome(batch: Pick<StoredBatch, 'sequence' | 'writer' | 'number'>): Promise<boolean> {
    const { first, last } = await this.homeState();
    if (batch.sequence < first) return true;
    if (batch.sequence > last) return false;
    const stored = await this.#home.streams.getMessage(this.#options.prefix, { seq: batch.sequence });
    if (stored === null) return true;
    const { writer, number } = decodeBatch(batch.sequence, stored.data);
    return writer === batch.writer && number === batch.number;
  }

  /** The batch that the local stream has at a place. */
  async localBatch(sequence: number): Promise<StoredBatch | undefined> {
    const stored = await this.#local.streams.getMessage(this.#options.prefix, { seq: sequence });
    return stored === null ? undefined : decodeBatch(sequence, stored.data);
  }

  /** Gives the home's stream another epoch, unless somebody did since it had this one. */
  async changeEpoch(known: string, epoch: string): Promise<void> {
    for (const config of this.#configs(epoch)) {
      const { config: now } = await this.#home.streams.info(config.name);
      if (!now.description?.includes(known)) continue;
      await this.#home.streams.update(config.name, { description: config.description! });
    }
  }

  /** Stores a batch at home; its sequence. The same number of a writer again is stored once, within two minutes. */
  async append(writer: string, number: number, records: readonly Buffer[]): Promise<number> {
    const batch = encodeBatch(writer, number, records);
    const { seq } = await this.#client.publish(`${this.#options.prefix}.m`, batch, { msgID: `${writer}:${number}` });
    return seq;
  }

  async setLastValue(subject: string, payload: Buffer, headers: MsgHdrs): Promise<void> {
    await this.#client.publish(subject, payload, { headers });
  }

  /** Hands over the local stream from a sequence on, until called again; the consumer mends itself. */
  async follow(from: number, take: (batch: StoredBatch) => void): Promise<void> {
    const followed = ++this.#followed;
    this.#following?.stop();
    const consumer = await this.#client.consumers.get(this.#options.prefix, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(1, from),
    });
    if (followed !== this.#followed) return;
    this.#following = await consumer.consume({
      max_messages: 500,
      callback: ({ seq, data }) => {
        if (followed === this.#followed) take(decodeBatch(seq, data));
      },
    });
  }

  /** Everything that a local stream has now; its end is looked up first, because nats-server 2.9 counts inexactly. */
  async all(stream: string, take: (message: JsMsg) => void): Promise<void> {
    const { state } = await this.#local.streams.info(stream);
    if (state.messages === 0) return;
    const consumer = await this.#client.consumers.get(stream, { deliver_policy: DeliverPolicy.All });
    try {
      for (let reached = 0, before = -1; reached < state.last_seq && reached !== before; ) {
        before = reached;
        for await (const message of await consumer.fetch({ max_messages: 500, expires: fetchTimeoutMs })) {
          reached = message.seq;
          take(message);
          if (reached >= state.last_seq) break;
        }
      }
    } finally {
      await consumer.delete();
    }
  }

  #configs(epoch: string): (Partial<StreamConfig> & { name: string })[] {
    const { prefix, historyBytes, retainedTopics } = this.#options;
    const description = `Earl, epoch ${epoch}`;
    const common = {
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      duplicate_window: twoMinutesInNs,
      description,
    };
    const lastValues = (name: string, subjects: string, most: number) => {
      return { ...common, name, subjects: [`${subjects}.>`], max_msgs_per_subject: 1, max_msgs: most };
    };
    const [[last, ofTopics], [server, ofServers]] = this.lastValueStreams as [[string, string], [string, string]];
    return [
      { ...common, name: prefix, subjects: [`${prefix}.m`], max_bytes: historyBytes },
      lastValues(last, ofTopics, retainedTopics),
      lastValues(server, ofServers, 100_000),
    ];
  }

  /** What is there stays as it is: somebody else may have made it in the same moment. */
  async #ensure(manager: JetStreamManager, config: Partial<StreamConfig> & { name: string }): Promise<void> {
    if (await infoOf(manager, config.name)) return;
    try {
      await manager.streams.add(config as StreamConfig);
    } catch (error) {
      if (!(await infoOf(manager, config.name))) throw error;
    }
  }
}

/** Whether JetStream answered that there is no such stream. */
export function isNoStream(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

async function infoOf(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (isNoStream(error)) return undefined;
    throw error;
  }
}

function stateOf({ config, state }: StreamInfo): LogState {
  return { epoch: epochText.exec(config.description ?? '')?.[1] ?? '', first: state.first_seq, last: state.last_seq };
}

function checkHome({ config }: StreamInfo): void {
  if (config.mirror !== undefined) {
    const advice = 'name the domain that has it, as in nats://127.0.0.1:4222?home=DOMAIN';
    throw new EarlError('BACKPLANE_BAD_URL', `the stream ${config.name} at this address is a mirror: ${advice}`);
  }
  if (epochText.test(config.description ?? '')) return;
  const problem = `the stream ${config.name} at this address is not of this version of Earl`;
  throw new EarlError('BACKPLANE_FOREIGN', `${problem}: delete it, with what it holds, or use another nats-server`);
}

function checkMirror({ config }: StreamInfo, home: string): void {
  if (config.mirror?.external?.api === `$JS.${home}.API`) return;
  const advice = 'each region needs a nats-server of its own with its own domain; see "Regions" in docs/scaling.md';
  const problem = `the stream ${config.name} at this address is no mirror of the one in the domain ${home}: ${advice}`;
  throw new EarlError('BACKPLANE_BAD_URL', problem);
}
