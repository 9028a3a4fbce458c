/**
 * What went over the wire: recorded during a case, written when it fails, and read again as decoded messages.
 *
 * A file is JSON lines: first `{"earl":"wire log", …}`, then `{"t":12.5,"dir":"up","hex":"…"}` a chunk, `t` in
 * milliseconds of the bench's clock. Of a long case the newest chunks are kept.
 */

import { EarlError } from '../../errors/index.ts';
import { decodeMessage, FrameReceiver, type Message, type Packet } from '../link/index.ts';

export type Direction = 'up' | 'down';

export interface WireChunk {
  readonly t: number;
  readonly dir: Direction;
  readonly bytes: Uint8Array;
}

const KEPT_CHUNKS = 20_000;
const FORMAT = 'wire log';

export class WireLog {
  private chunks: WireChunk[] = [];
  private dropped = 0;

  add(t: number, dir: Direction, bytes: Uint8Array): void {
    this.chunks.push({ t, dir, bytes: bytes.slice() });
    if (this.chunks.length < 2 * KEPT_CHUNKS) return;
    this.dropped += this.chunks.length - KEPT_CHUNKS;
    this.chunks = this.chunks.slice(-KEPT_CHUNKS);
  }

  clear(): void {
    this.chunks = [];
    this.dropped = 0;
  }

  /** The file's text. */
  write(about: Readonly<Record<string, string>>): string {
    const kept = this.chunks.slice(-KEPT_CHUNKS);
    const dropped = this.dropped + this.chunks.length - kept.length;
    const head = JSON.stringify({ earl: FORMAT, version: 1, ...about, dropped });
    const lines = kept.map(({ t, dir, bytes }) =>
      JSON.stringify({ t: Math.round(t * 1000) / 1000, dir, hex: Buffer.from(bytes).toString('hex') }),
    );
    return `${[head, ...lines].join('\n')}\n`;
  }
}

export interface RecordedLog {
  /** What its first line says: target, case, … */
  readonly about: Readonly<Record<string, unknown>>;
  readonly chunks: readonly WireChunk[];
}

/** Reads a file's text. Throws `USAGE`, which names the line. */
export function readWireLog(text: string, file: string): RecordedLog {
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }));
  const [head, ...rest] = lines.filter(({ line }) => line.trim() !== '');
  const about = head && parseLine(head.line);
  if (!about || about.earl !== FORMAT || about.version !== 1) {
    throw new EarlError('USAGE', `${file}: no wire log of earl hil --record (version 1)`);
  }
  return { about, chunks: rest.map(({ line, number }) => readChunk(parseLine(line), `${file}, line ${number}`)) };
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function readChunk(value: Record<string, unknown> | undefined, where: string): WireChunk {
  const { t, dir, hex } = value ?? {};
  const valid =
    typeof t === 'number' &&
    (dir === 'up' || dir === 'down') &&
    typeof hex === 'string' &&
    /^([0-9a-f]{2})*$/.test(hex);
  if (!valid) throw new EarlError('USAGE', `${where}: write {"t": ms, "dir": "up" or "down", "hex": "…"}`);
  return { t, dir, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) };
}

/** A line for each frame of a log, noise included. */
export function* decodeWireLog(chunks: Iterable<WireChunk>): Generator<string> {
  let lines: string[] = [];
  let now = 0;
  const receivers = {
    up: decoder('up', (text) => lines.push(`${stamp(now)} ${text}`)),
    down: decoder('down', (text) => lines.push(`${stamp(now)} ${text}`)),
  };
  for (const { t, dir, bytes } of chunks) {
    now = t;
    receivers[dir](bytes);
    yield* lines;
    lines = [];
  }
}

function stamp(ms: number): string {
  return `${ms.toFixed(1).padStart(12)} ms`;
}

/** Byte by byte, so that what a frame was made of can be shown when it is damaged. */
function decoder(dir: Direction, print: (text: string) => void): (bytes: Uint8Array) => void {
  const arrow = dir === 'up' ? 'probe ->' : 'host  ->';
  let raw: number[] = [];
  const receiver = new FrameReceiver((packet) => print(`${arrow} ${describePacket(packet)}`));
  return (bytes) => {
    for (const byte of bytes) {
      raw.push(byte);
      const before = { ...receiver.counters };
      receiver.push(Uint8Array.of(byte));
      const damage = damageOf(before, receiver.counters);
      if (damage) print(`${arrow} ${damage}: ${Buffer.from(raw).toString('hex')}`);
      if (byte === 0) raw = [];
    }
  };
}

type Counters = FrameReceiver['counters'];

function damageOf(before: Counters, after: Counters): string | undefined {
  if (after.crcErrors > before.crcErrors) return 'wrong CRC';
  return after.frameErrors > before.frameErrors ? 'no frame' : undefined;
}

function describePacket(packet: Packet): string {
  const number = `#${packet.sequence}`.padEnd(6);
  const message = decodeMessage(packet);
  if (typeof message === 'string') return `${number} type ${packet.type}: ${message}`;
  return `${number} ${describeMessage(message)}`;
}

/** `set_interval intervalMs=250`. */
export function describeMessage({ name, ...fields }: Message): string {
  const parts = Object.entries(fields).map(([field, value]) => {
    const shown = value instanceof Uint8Array ? Buffer.from(value).toString('hex') || '-' : String(value);
    return `${field}=${shown}`;
  });
  return [name, ...parts].join(' ');
}
