/**
 * The framing in C beside `ws`, on the same random frames: what is accepted and which code ends the rest. The C runs under
 * the address and undefined behaviour sanitizers, on every stream in several random divisions (test/framing_fuzz.c).
 *
 * EARL_FUZZ_FRAMES=1000000 plays more frames, EARL_FUZZ_SEED others.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ws from 'ws';

interface Receiver extends NodeJS.EventEmitter {
  write(bytes: Buffer): boolean;
}
/** The types of `ws` leave its receiver out. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Receiver };

const seed = Number(process.env.EARL_FUZZ_SEED ?? 6455);
const frames = Number(process.env.EARL_FUZZ_FRAMES ?? 320_000);
const limits = { messageBytes: 1000, fragments: 8 };
const framesOfStream = 20;
const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Mulberry32, a well-known small generator. */
function randomNumbers(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface FrameParts {
  readonly first: number;
  readonly masked: boolean;
  readonly payload: Buffer;
  /** Instead of the payload's. */
  readonly length?: number | bigint;
  /** Bytes of the length beyond the shortest form. */
  readonly longForm?: boolean;
}

function frameOf(parts: FrameParts, mask: Buffer): Buffer {
  const { first, masked, payload, length = payload.length, longForm = false } = parts;
  const bit = masked ? 0x80 : 0;
  const head: number[] = [first];
  if (length < 126 && !longForm) head.push(bit | Number(length));
  else if (length < 65_536) head.push(bit | 126, Number(length) >> 8, Number(length) & 0xff);
  else {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(length));
    head.push(bit | 127, ...bytes);
  }
  const body = Buffer.from(payload);
  if (masked) for (const [index, byte] of body.entries()) body[index] = byte ^ mask[index & 3]!;
  return Buffer.concat([Buffer.from(head), ...(masked ? [mask] : []), body]);
}

/** Streams of frames, most of them right, each with at most one mistake. */
class FrameStreams {
  readonly #below: (below: number) => number;

  constructor(start: number) {
    this.#below = randomNumbers(start);
  }

  next(): Buffer {
    const wrongAt = this.#below(3) === 0 ? framesOfStream : this.#below(framesOfStream * 2);
    const parts: Buffer[] = [];
    let fragmented = false;
    for (let index = 0; index < framesOfStream; index++) {
      const [made, next] = this.#right(fragmented);
      fragmented = next;
      parts.push(frameOf(index === wrongAt ? this.#wrong(made) : made, this.#bytes(4)));
    }
    const stream = Buffer.concat(parts);
    return this.#below(10) === 0 ? stream.subarray(0, this.#below(stream.length)) : stream;
  }

  #right(fragmented: boolean): [FrameParts, boolean] {
    if (this.#below(6) === 0) return [this.#control(), fragmented];
    const final = this.#below(3) > 0;
    const opcode = fragmented ? 0 : this.#below(2) === 0 ? opcodes.text : opcodes.binary;
    const short = this.#below(100);
    const length = this.#below(4) > 0 ? short : this.#below(400);
    const payload = Buffer.from('aé€😀'.repeat(40)).subarray(0, length);
    const text = this.#below(60) === 0 ? payload : Buffer.from('0123456789'.repeat(40)).subarray(0, length);
    const bytes = opcode === opcodes.binary && this.#below(2) === 0 ? this.#bytes(length) : text;
    const longForm = this.#below(20) === 0;
    return [{ first: (final ? 0x80 : 0) | opcode, masked: true, payload: bytes, longForm }, !final];
  }

  #control(): FrameParts {
    const kind = this.#below(40) === 0 ? opcodes.close : this.#below(2) === 0 ? opcodes.ping : opcodes.pong;
    if (kind !== opcodes.close) return { first: 0x80 | kind, masked: true, payload: this.#bytes(this.#below(126)) };
    const codes = [1000, 1001, 1003, 1004, 1005, 1006, 1011, 1014, 1015, 999, 2999, 3000, 4102, 4999, 5000];
    const code = codes[this.#below(codes.length)]!;
    const reason = this.#below(5) === 0 ? Buffer.from([0xc3, 0x28]) : Buffer.from('bye é');
    const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), reason]);
    return { first: 0x88, masked: true, payload: this.#below(8) === 0 ? Buffer.alloc(0) : payload };
  }

  #wrong(made: FrameParts): FrameParts {
    switch (this.#below(9)) {
      case 0:
        return { ...made, masked: false };
      case 1:
        return { ...made, first: made.first | (0x10 << this.#below(3)) };
      case 2:
        return { ...made, first: (made.first & 0xf0) | this.#below(16) };
      case 3:
        return { ...made, first: made.first ^ 0x80 };
      case 4:
        return { ...made, payload: this.#bytes(900 + this.#below(300)) };
      case 5:
        return { ...made, length: this.#below(70_000) };
      case 6:
        return { ...made, length: BigInt(this.#below(2 ** 31)) << BigInt(this.#below(33)) };
      case 7:
        return { ...made, payload: Buffer.from([0xff, ...made.payload]) };
      default:
        return { ...made, first: 0x88, payload: this.#bytes(this.#below(4)) };
    }
  }

  #bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let index = 0; index < length; index++) bytes[index] = this.#below(256);
    return bytes;
  }
}

/** What `ws` makes of a stream, in the words of framing_fuzz.c. */
function verdictOfWs(stream: Buffer): string {
  const receiver = new Receiver({
    isServer: true,
    maxPayload: limits.messageBytes,
    maxFragments: limits.fragments,
    allowSynchronousEvents: true,
  });
  let [code, messages, hash] = [0, 0, 2_166_136_261];
  const count = (byte: number) => {
    hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  };
  const take = (opcode: number, bytes: Buffer) => {
    messages += 1;
    for (const byte of [opcode, bytes.length & 0xff, (bytes.length >> 8) & 0xff, 0, 0]) count(byte);
    for (const byte of bytes) count(byte);
  };
  receiver.on('message', (data: Buffer, binary: boolean) => take(binary ? opcodes.binary : opcodes.text, data));
  receiver.on('ping', (data: Buffer) => take(opcodes.ping, data));
  receiver.on('pong', (data: Buffer) => take(opcodes.pong, data));
  receiver.on('conclude', (said: number, reason: Buffer) => {
    take(
      opcodes.close,
      said === 1005 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([said >> 8, said & 0xff]), reason]),
    );
    code = 1;
  });
  receiver.on('error', (error: Error) => {
    const status = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
    code = (error as unknown as Record<symbol, number>)[status!]!;
  });
  // The receiver says what is wrong at the next turn otherwise.
  (receiver as unknown as { _write(bytes: Buffer, encoding: string, done: (error?: Error) => void): void })._write(
    Buffer.from(stream),
    'buffer',
    (error) => {
      if (error) receiver.emit('error', error);
    },
  );
  return `${code} ${messages} ${hash}`;
}

const hasCompiler = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;

describe.skipIf(!hasCompiler)('frames read in C', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'earl-framing-'));
    const sources = ['test/framing_fuzz.c', 'framing.c', 'header.c', 'utf8.c'].map((name) =>
      join(import.meta.dirname, name),
    );
    const flags = ['-std=c11', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'];
    const stop = ['-fno-sanitize-recover=all', '-o', join(folder, 'framing_fuzz')];
    execFileSync('cc', [...flags, ...stop, ...sources], { stdio: 'inherit' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(`are accepted and refused as by ws: ${frames} frames, seed ${seed}`, { timeout: 600_000 }, () => {
    const source = new FrameStreams(seed);
    const streams = Array.from({ length: Math.ceil(frames / framesOfStream) }, () => source.next());
    const file = join(folder, 'streams');
    const sized = streams.flatMap((stream) => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(stream.length);
      return [size, stream];
    });
    writeFileSync(file, Buffer.concat(sized));
    const args = [file, String(seed), String(limits.messageBytes), String(limits.fragments)];
    const output = execFileSync(join(folder, 'framing_fuzz'), args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const verdicts = output.trimEnd().split('\n');
    expect(verdicts.length).toBe(streams.length);
    const codes = new Set<string>();
    for (const [index, stream] of streams.entries()) {
      const wanted = verdictOfWs(stream);
      codes.add(wanted.split(' ')[0]!);
      if (verdicts[index] !== wanted) expect.fail(`C: ${verdicts[index]}, ws: ${wanted}, of ${stream.toString('hex')}`);
    }
    // Every way to end was met.
    expect([...codes].sort()).toEqual(['0', '1', '1002', '1007', '1008', '1009']);
  });
});
