/**
 * `emu:KIND` and `emu:PATH`: a board with the real firmware on it, run in real time in this process.
 *
 *     emu:ball   emu:./main.elf   emu:ball?id=0011223344556677&seed=3&baud=9600&world=still
 *
 * Connecting is plugging in a cable: the first time switches the board on, closing leaves it running and deaf,
 * `dispose` takes its power. `id` is provisioned into info memory; without one the board gets an id that follows from
 * its name and seed, `id=none` leaves it without. `seed` makes two boards of a kind differ (VLO, RAM, world).
 */

import { EarlError, errorMessage } from '../../errors/index.ts';
import { Board, type Image, Pacer, type Timers, type TraceSink } from '../emulator/index.ts';
import { buildInfoSegment, parseId } from '../link/index.ts';
import { readImage } from './firmware-image.ts';
import { nodeTimers } from './node-timers.ts';
import type { Connection, ConnectionHandlers, Transport } from './transport.ts';

/** Bytes that may wait for the board's UART (transport.ts). */
const WRITE_LIMIT = 65536;

export interface EmulatedOptions {
  /** Gets every trace event from power-on. */
  readonly trace?: TraceSink;
  /** Gets warnings of the board and what the pacer had to give up. Default: nobody. */
  readonly log?: (message: string) => void;
  /** Program instead of the one that the URL names. */
  readonly image?: Image;
  /** Wall clock; a virtual one in tests. */
  readonly timers?: Timers;
}

export interface EmulatedTransport extends Transport {
  /** The board once it is on; to look inside, press its button, set its world. */
  readonly board: Board | undefined;
  /** Switches it on without a cable. Rejects with `TRANSPORT_NOT_FOUND` or `TRANSPORT_FAILED`. */
  powerOn(): Promise<Board>;
}

/** Reads the URL; the image is looked for when the board is switched on. Throws `USAGE`. */
export function emulatedTransport(url: string, options: EmulatedOptions = {}): EmulatedTransport {
  return new EmulatedBoard(url, options);
}

/** FNV-1a of a board's name and seed, so that ids end differently. */
function hashOf(name: string, seed: number): number {
  let hash = 0x811c9dc5;
  for (const char of `${name}/${seed}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

/** An id of the locally administered kind that depends on name and seed alone. */
export function defaultId(name: string, seed: number): Uint8Array {
  const id = new Uint8Array(8);
  const view = new DataView(id.buffer);
  view.setUint16(0, 0x0200);
  view.setUint16(2, seed & 0xffff);
  view.setUint32(4, hashOf(name, seed));
  return id;
}

interface EmulatedUrl {
  readonly name: string;
  readonly id: Uint8Array | undefined;
  readonly seed: number;
  readonly baud: number;
  readonly alive: boolean;
}

function parseUrl(url: string): EmulatedUrl {
  const match = /^emu:([^?]+)(?:\?(.*))?$/.exec(url);
  if (match === null) throw new EarlError('USAGE', `"${url}": write emu:KIND, e.g. emu:ball, or emu:PATH`);
  const name = match[1]!;
  const query = new URLSearchParams(match[2] ?? '');
  for (const key of query.keys()) {
    if (!['id', 'seed', 'baud', 'world'].includes(key)) {
      throw new EarlError('USAGE', `"${url}": "${key}" is none of id, seed, baud and world`);
    }
  }
  const seed = integer(url, query, 'seed', 1, 0, 65535);
  const id = query.get('id');
  const world = query.get('world') ?? 'alive';
  if (world !== 'alive' && world !== 'still') throw new EarlError('USAGE', `"${url}": world is alive or still`);
  return {
    name,
    id: id === 'none' ? undefined : id === null ? defaultId(name, seed) : parseId(id),
    seed,
    baud: integer(url, query, 'baud', 9600, 50, 1_000_000),
    alive: world === 'alive',
  };
}

function integer(url: string, query: URLSearchParams, key: string, fallback: number, min: number, max: number): number {
  const text = query.get(key);
  if (text === null) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new EarlError('USAGE', `"${url}": ${key} is a whole number from ${min} to ${max}`);
}

class EmulatedBoard implements EmulatedTransport {
  readonly url: string;
  readonly baud: number;
  board: Board | undefined;

  private readonly settings: EmulatedUrl;
  private readonly options: EmulatedOptions;
  private pacer: Pacer | undefined;
  private cable: Cable | undefined;
  private failure: EarlError | undefined;

  constructor(url: string, options: EmulatedOptions) {
    this.url = url;
    this.settings = parseUrl(url);
    this.baud = this.settings.baud;
    this.options = options;
  }

  async powerOn(): Promise<Board> {
    if (this.failure) throw this.failure;
    if (this.board) return this.board;
    const { name, id, seed, baud, alive } = this.settings;
    const board = new Board({
      image: this.options.image ?? findImage(name),
      info: id ? { D: buildInfoSegment(id) } : {},
      seed,
      baud,
      alive,
      ...(this.options.trace && { trace: this.options.trace }),
    });
    board.onWarning = (message) => this.options.log?.(`${this.url}: ${message}`);
    board.uart.onByte = (byte) => this.cable?.take(byte);
    this.board = board;
    this.pacer = new Pacer(board, this.options.timers ?? nodeTimers, {
      onSlice: () => this.cable?.exchange(),
      onLag: (lagMs, givenUpMs) => this.reportLag(lagMs, givenUpMs),
      onError: (error) => this.fail(error),
    });
    this.pacer.start();
    return board;
  }

  async connect(handlers: ConnectionHandlers): Promise<Connection> {
    if (this.cable) throw new EarlError('TRANSPORT_BUSY', `${this.url} is connected already: close it first`);
    const board = await this.powerOn();
    if (this.cable) throw new EarlError('TRANSPORT_BUSY', `${this.url} is connected already: close it first`);
    const cable = new Cable(this.url, board, handlers, this.options.timers ?? nodeTimers, {
      kick: () => this.pacer?.kick(),
      unplugged: () => {
        if (this.cable === cable) this.cable = undefined;
      },
    });
    this.cable = cable;
    return cable;
  }

  async dispose(): Promise<void> {
    this.failure ??= new EarlError('TRANSPORT_FAILED', `${this.url} was switched off for good`);
    this.pacer?.stop();
    await this.cable?.close();
  }

  private fail(error: unknown): void {
    const failure = new EarlError('TRANSPORT_LOST', `${this.url}: the emulated board failed: ${errorMessage(error)}`, {
      cause: error,
    });
    this.failure = new EarlError('TRANSPORT_FAILED', failure.message, { cause: error });
    this.cable?.lose(failure);
  }

  private reportLag(lagMs: number, givenUpMs: number): void {
    const lost = givenUpMs > 0 ? `, and ${Math.round(givenUpMs)} ms of its time are lost` : '';
    this.options.log?.(`${this.url}: the board ran ${Math.round(lagMs)} ms late${lost}`);
  }
}

function findImage(name: string): Image {
  try {
    return readImage(name);
  } catch (error) {
    const missing = error instanceof EarlError && error.code === 'IMAGE_NOT_FOUND';
    throw new EarlError(missing ? 'TRANSPORT_NOT_FOUND' : 'TRANSPORT_FAILED', errorMessage(error), { cause: error });
  }
}

/** One time that a cable is plugged into the board's UART. */
class Cable implements Connection {
  private readonly url: string;
  private readonly board: Board;
  private readonly handlers: ConnectionHandlers;
  private readonly timers: Timers;
  private readonly owner: { kick(): void; unplugged(): void };
  private received: number[] = [];
  private outgoing: PendingWrite[] = [];
  private readonly accepted = new Set<PendingWrite>();
  private waitingBytes = 0;
  private closing: Promise<void> | undefined;

  constructor(
    url: string,
    board: Board,
    handlers: ConnectionHandlers,
    timers: Timers,
    owner: { kick(): void; unplugged(): void },
  ) {
    this.url = url;
    this.board = board;
    this.handlers = handlers;
    this.timers = timers;
    this.owner = owner;
  }

  /** The board sent a byte: it goes on at the end of this slice. */
  take(byte: number): void {
    this.received.push(byte);
  }

  /** Between two slices: hands over what came and what goes. */
  exchange(): void {
    if (this.closing) return;
    for (const write of this.outgoing.splice(0)) this.startWrite(write);
    if (this.received.length === 0) return;
    const bytes = Uint8Array.from(this.received);
    this.received = [];
    this.handlers.onData(bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.closing) throw closedError(this.url);
    if (this.waitingBytes + bytes.length > WRITE_LIMIT) {
      throw new EarlError('TRANSPORT_FULL', `${this.url}: more than ${WRITE_LIMIT} bytes wait to be sent`);
    }
    this.waitingBytes += bytes.length;
    // A copy: the caller may use its array again.
    await new Promise<void>((resolve, reject) => {
      this.outgoing.push({ bytes: bytes.slice(), resolve, reject });
      this.owner.kick();
    });
  }

  close(): Promise<void> {
    return this.end();
  }

  /** The board failed. */
  lose(error: EarlError): void {
    void this.end(error);
  }

  private startWrite(write: PendingWrite): void {
    this.accepted.add(write);
    this.board.uart.send(write.bytes, () => {
      this.accepted.delete(write);
      this.waitingBytes -= write.bytes.length;
      write.resolve();
    });
  }

  private end(error?: EarlError): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.board.uart.discard();
      const writes = [...this.accepted, ...this.outgoing.splice(0)];
      this.accepted.clear();
      this.timers.after(0, () => {
        for (const write of writes) write.reject(closedError(this.url));
        this.owner.unplugged();
        this.handlers.onClose(error);
        resolve();
      });
    });
    return this.closing;
  }
}

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
}

function closedError(url: string): EarlError {
  return new EarlError('TRANSPORT_CLOSED', `${url}: the connection is closed`);
}
