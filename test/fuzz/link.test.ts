/**
 * Random and mutated bytes against the link's receiver, codec and session: nothing may throw, hold more than a frame,
 * or hand on a message that nobody sent. `FUZZ_SEED=n` runs a seed again, `FUZZ_ROUNDS=n` runs longer.
 */
import { expect, test } from 'vitest';
import {
  cobsDecode,
  cobsEncode,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  FrameReceiver,
  type Message,
  messages,
  type Packet,
  parseInfoSegment,
  Session,
  VirtualClock,
} from '../../host/link/index.ts';
import { seeded } from '../contract/faulty-transport.ts';
import { ModelProbe } from '../link/model-probe.ts';
import { validVectors } from '../vectors/vectors.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 3000);
const note = `FUZZ_SEED=${SEED}`;
console.log(`link fuzz: ${note}, ${ROUNDS} rounds`);

function dice(stream: number) {
  const random = seeded(SEED + stream);
  const below = (limit: number) => Math.floor(limit * random());
  const bytes = (length: number) => Uint8Array.from({ length }, () => below(256));
  return { random, below, bytes, pick: <T>(items: readonly T[]): T => items[below(items.length)]! };
}

/** Changes, drops, doubles, inserts or swaps a few bytes. */
function mutate(bytes: Uint8Array, { below }: ReturnType<typeof dice>): Uint8Array {
  const out = [...bytes];
  for (let count = 1 + below(4); count > 0; count--) {
    const at = below(out.length + 1);
    const kind = below(5);
    if (kind === 0 && at < out.length) out[at] = out[at]! ^ (1 << below(8));
    else if (kind === 1) out.splice(at, 1 + below(6));
    else if (kind === 2) out.splice(at, 0, ...out.slice(at, at + 1 + below(8)));
    else if (kind === 3) out.splice(at, 0, below(256));
    else if (at < out.length) out[at] = 0;
  }
  return Uint8Array.from(out);
}

function same(a: Packet, b: Packet): boolean {
  return a.type === b.type && a.sequence === b.sequence && a.payload.join() === b.payload.join();
}

test(`COBS: decode is the inverse of encode, and never throws (${note})`, () => {
  const d = dice(1);
  for (let round = 0; round < ROUNDS; round++) {
    const plain = d.bytes(d.below(600)).map((byte) => (d.below(3) === 0 ? 0 : byte));
    const encoded = cobsEncode(plain);
    expect(encoded.includes(0)).toBe(false);
    expect(encoded.length - plain.length).toBeLessThanOrEqual(1 + Math.floor(plain.length / 254));
    expect(cobsDecode(encoded)).toEqual(plain);
    const decoded = cobsDecode(mutate(encoded, d));
    if (decoded) expect(decoded.length).toBeLessThanOrEqual(encoded.length + 40);
  }
});

test(`good frames survive any cuts and any noise between them (${note})`, () => {
  const d = dice(2);
  for (let round = 0; round < ROUNDS / 10; round++) {
    const got: Packet[] = [];
    const receiver = new FrameReceiver((packet) => got.push(packet));
    const sent: Packet[] = [];
    const stream: number[] = [];
    for (let n = 0; n < 20; n++) {
      if (d.below(3) === 0) stream.push(...d.bytes(d.below(80)), 0); // noise ends with a delimiter
      const packet = { type: d.below(64), sequence: d.below(65_536), payload: d.bytes(d.below(33)) };
      sent.push(packet);
      stream.push(...encodeFrame(packet));
    }
    for (let at = 0; at < stream.length; ) {
      const length = 1 + d.below(50);
      receiver.push(Uint8Array.from(stream.slice(at, at + length)));
      at += length;
    }
    // Noise passes the CRC once in 65,536 frames: those few are not ours, but ours are all there, in order.
    const ours = got.filter((packet) => sent.some((other) => same(packet, other)));
    expect(ours).toEqual(sent);
    expect(got.length - sent.length).toBeLessThanOrEqual(1);
  }
});

test(`mutated frames are refused or are a frame, and the counters add up (${note})`, () => {
  const d = dice(3);
  let refused = 0;
  const receiver = new FrameReceiver(
    ({ payload }) => expect(payload.length).toBeLessThanOrEqual(32),
    () => {
      refused++;
    },
  );
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const frame = mutate(d.pick(validVectors).wire, d);
    bytes += frame.length;
    receiver.push(frame);
  }
  const { crcErrors, frameErrors, frames } = receiver.counters;
  expect(receiver.counters.bytes).toBe(bytes);
  expect(crcErrors + frameErrors).toBe(refused);
  expect(refused).toBeGreaterThan(ROUNDS / 4);
  expect(frames).toBeLessThan(ROUNDS);
});

test(`any payload decodes to a message that encodes to its known part, or is refused (${note})`, () => {
  const d = dice(4);
  const types = Object.values(messages).map(({ type }) => type);
  for (let round = 0; round < ROUNDS; round++) {
    const type = d.below(4) === 0 ? d.below(64) : d.pick(types);
    const payload = d.bytes(d.below(33));
    const message = decodeMessage({ type, payload });
    if (typeof message === 'string') {
      expect(message === 'unknown_type').toBe(!types.some((known) => known === type));
      continue;
    }
    const again = encodeMessage(message as Message);
    expect(again.type).toBe(type);
    expect([...again.payload]).toEqual([...payload.subarray(0, again.payload.length)]);
  }
});

test(`an info segment is refused unless it was built (${note})`, () => {
  const d = dice(5);
  for (let round = 0; round < ROUNDS / 10; round++) expect(parseInfoSegment(d.bytes(64))).toBeUndefined();
});

test(`a session in a storm of bytes neither throws nor forgets a command (${note})`, async () => {
  const d = dice(6);
  const clock = new VirtualClock();
  const probe = new ModelProbe();
  let handedOn = 0;
  const session = new Session({
    clock,
    random: d.random,
    handlers: {
      onMessage: () => {
        handedOn++;
      },
    },
  });
  const garble = (bytes: Uint8Array) => {
    const kind = d.below(10);
    if (kind === 0) return new Uint8Array(0);
    return kind === 1 ? mutate(bytes, d) : kind === 2 ? Uint8Array.of(...d.bytes(d.below(50)), ...bytes) : bytes;
  };
  probe.send = (bytes) => session.receive(garble(bytes));
  session.attach(async (bytes) => probe.receive(garble(bytes)));
  const outcomes: string[] = [];
  const commands = ROUNDS / 30;
  for (let n = 0; n < commands; n++) {
    session.command({ name: 'set_interval', intervalMs: n % 65_536 }).then(({ status }) => outcomes.push(status));
    for (let samples = d.below(8); samples > 0; samples--) probe.sample(100 * n + 10 * (8 - samples));
    if (d.below(20) === 0) session.receive(d.bytes(d.below(500)));
    await clock.advance(d.below(4000));
    if (d.below(15) === 0) probe.restart();
  }
  await clock.advance(30_000);
  expect(outcomes.length).toBe(commands);
  expect(new Set(probe.executed).size).toBe(probe.executed.length);
  expect(handedOn).toBeGreaterThan(commands);
});
