/**
 * The log of a broker on disk: messages, last values and publishers' numbers in LMDB, so that what was acknowledged is
 * there after the process was killed.
 *
 * What is published in one turn of the event loop, or while the last batch is being written, is one transaction. By
 * default a batch counts as written when the operating system has it: that survives the end of the process, however it
 * comes. With `fsync` it counts when the disk has it: that survives the loss of power too.
 *
 * One folder belongs to one broker at a time; a lock file with its process id says to which.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { FolderLock } from './folder-lock.ts';
import { BrokerMessage } from './message.ts';

export interface JournalOptions {
  readonly folder: string;
  /** Whether an accepted message has reached the disk, or only the operating system. Default: the latter. */
  readonly fsync?: boolean;
}

/** One change of the log; changes are written in their order. */
export type Change =
  | { readonly kind: 'append'; readonly message: BrokerMessage; readonly retain: boolean }
  | { readonly kind: 'drop'; readonly topic: string; readonly offset: number }
  /** All messages of a topic have gone, up to this offset. */
  | { readonly kind: 'forgetTopic'; readonly topic: string; readonly lost: number }
  | { readonly kind: 'retain'; readonly message: BrokerMessage }
  | { readonly kind: 'release'; readonly topic: string }
  | { readonly kind: 'publisher'; readonly name: string; readonly seq: number }
  | { readonly kind: 'forgetPublisher'; readonly name: string };

/** What the log holds when it is opened. */
export interface Recorded {
  readonly epoch: string;
  readonly lastOffset: number;
  /** In the order of their offsets; whether each was to become its topic's last value. */
  readonly messages: readonly { readonly message: BrokerMessage; readonly retain: boolean }[];
  /** Last values, some of them perhaps older than what `messages` says. */
  readonly retained: readonly BrokerMessage[];
  readonly publishers: readonly (readonly [name: string, seq: number])[];
  /** Highest offset that each topic has lost, and the highest of topics that are gone altogether. */
  readonly lost: ReadonlyMap<string, number>;
  readonly lostTopics: number;
}

/** Number of the layout of the databases. */
const layout = 1;

export class Journal {
  readonly #fsync: boolean;
  readonly #lock: FolderLock;
  readonly #root: RootDatabase;
  /** Offset to length of the topic (two bytes, little-endian) with `retainFlag`, topic, payload. */
  readonly #log: Database<Buffer, number>;
  /** Topic to offset (a double, little-endian) and payload. */
  readonly #retained: Database<Buffer, string>;
  readonly #publishers: Database<number, string>;
  readonly #lost: Database<number, string>;
  readonly #meta: Database<number | string, string>;

  /**
   * Opens the log in a folder, which is made if there is none. Throws `DATA_IN_USE`, `DATA_FAILED` (not writable, no
   * log) or `DATA_TOO_NEW`.
   */
  constructor({ folder, fsync = false }: JournalOptions) {
    this.#fsync = fsync;
    this.#lock = lockFolder(folder);
    try {
      this.#root = open({ path: join(folder, 'log.mdb'), maxDbs: 8 });
      this.#log = this.#root.openDB({ name: 'log', encoding: 'binary' });
      this.#retained = this.#root.openDB({ name: 'retained', encoding: 'binary' });
      this.#publishers = this.#root.openDB({ name: 'publishers', encoding: 'json' });
      this.#lost = this.#root.openDB({ name: 'lost', encoding: 'json' });
      this.#meta = this.#root.openDB({ name: 'meta', encoding: 'json' });
      this.#checkLayout(folder);
    } catch (error) {
      this.#lock.release();
      throw error instanceof EarlError ? error : dataError(folder, error);
    }
  }

  /** What the log holds; read once, before the first `write`. */
  recorded(): Recorded {
    const messages = [...this.#log.getRange()].map(({ key, value }) => decodeMessage(key, value));
    const retained = [...this.#retained.getRange()].map(({ key, value }) => decodeRetained(key, value));
    return {
      epoch: this.#meta.get('epoch') as string,
      lastOffset: (this.#meta.get('lastOffset') as number | undefined) ?? 0,
      messages,
      retained: retained.sort((one, other) => one.offset - other.offset),
      publishers: [...this.#publishers.getRange()].map(({ key, value }) => [key, value] as const),
      lost: new Map([...this.#lost.getRange()].map(({ key, value }) => [key, value])),
      lostTopics: (this.#meta.get('lostTopics') as number | undefined) ?? 0,
    };
  }

  /** Writes changes in their order, all or none; resolves when they count as written. Rejects with `DATA_FAILED`. */
  async write(changes: readonly Change[]): Promise<void> {
    try {
      await this.#root.transaction(() => {
        for (const change of changes) this.#apply(change);
      });
      if (this.#fsync) await this.#root.flushed;
    } catch (error) {
      throw dataError('the log', error);
    }
  }

  async close(): Promise<void> {
    await this.#root.close();
    this.#lock.release();
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case 'append':
        this.#log.put(change.message.offset, encodeMessage(change.message, change.retain));
        this.#meta.put('lastOffset', change.message.offset);
        return;
      case 'drop':
        this.#log.remove(change.offset);
        this.#lost.put(change.topic, change.offset);
        return;
      case 'forgetTopic':
        this.#lost.remove(change.topic);
        this.#meta.put('lostTopics', change.lost);
        return;
      case 'retain':
        this.#retained.put(change.message.topic, encodeRetained(change.message));
        return;
      case 'release':
        this.#retained.remove(change.topic);
        return;
      case 'publisher':
        this.#publishers.put(change.name, change.seq);
        return;
      case 'forgetPublisher':
        this.#publishers.remove(change.name);
        return;
      default:
        change satisfies never;
    }
  }

  #checkLayout(folder: string): void {
    const found = this.#meta.get('layout') as number | undefined;
    if (found === undefined) {
      this.#meta.putSync('layout', layout);
      this.#meta.putSync('epoch', randomBytes(8).toString('hex'));
    } else if (found !== layout) {
      throw new EarlError(
        'DATA_TOO_NEW',
        `${folder} was written by another version of Earl (layout ${found}, this one knows ${layout}): use that version, or another folder`,
      );
    }
  }
}

function lockFolder(folder: string): FolderLock {
  try {
    // Messages are for whoever may show a token, not for every user of the machine.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new FolderLock(folder);
  } catch (error) {
    throw error instanceof EarlError ? error : dataError(folder, error);
  }
}

function dataError(what: string, cause: unknown): EarlError {
  return new EarlError('DATA_FAILED', `${what} cannot be used for messages: ${errorMessage(cause)}`, { cause });
}

const retainFlag = 0x8000;

function encodeMessage({ topic, payload }: BrokerMessage, retain: boolean): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(2);
  head.writeUInt16LE(name.length | (retain ? retainFlag : 0));
  return Buffer.concat([head, name, payload]);
}

function decodeMessage(offset: number, record: Buffer): { message: BrokerMessage; retain: boolean } {
  const head = record.readUInt16LE();
  const end = 2 + (head & ~retainFlag);
  const message = new BrokerMessage(record.toString('utf8', 2, end), Buffer.from(record.subarray(end)), offset, false);
  return { message, retain: (head & retainFlag) !== 0 };
}

function encodeRetained({ offset, payload }: BrokerMessage): Buffer {
  const head = Buffer.alloc(8);
  head.writeDoubleLE(offset);
  return Buffer.concat([head, payload]);
}

function decodeRetained(topic: string, record: Buffer): BrokerMessage {
  return new BrokerMessage(topic, Buffer.from(record.subarray(8)), record.readDoubleLE(), true);
}
