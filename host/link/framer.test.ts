import { expect, test } from 'vitest';
import { invalidVectors, toleratedVectors, validVectors } from '../../test/vectors/vectors.ts';
import { decodeFrame, encodeFrame, type FrameError, FrameReceiver, MAX_WIRE, type Packet } from './framer.ts';

const vectors = [...validVectors, ...toleratedVectors];
const frameErrors = invalidVectors.filter(({ error }) => ['cobs', 'length', 'crc', 'version'].includes(error));

/** What a vector's packet says, read without the code under test. */
function packetOf({ packet }: { packet: Uint8Array }): Packet {
  return { type: packet[0]! - 0x40, sequence: packet[1]! + 256 * packet[2]!, payload: packet.slice(3, -2) };
}

function receiver() {
  const packets: Packet[] = [];
  const errors: FrameError[] = [];
  const receive = new FrameReceiver(
    (packet) => packets.push(packet),
    (error) => errors.push(error),
  );
  return { receive, packets, errors };
}

test.each(vectors)('encodes $title', (vector) => {
  expect(encodeFrame(packetOf(vector))).toEqual(vector.wire);
});

test.each(vectors)('decodes $title, cut at every point', (vector) => {
  for (let cut = 0; cut <= vector.wire.length; cut++) {
    const { receive, packets, errors } = receiver();
    receive.push(vector.wire.subarray(0, cut));
    expect(packets.length).toBe(cut === vector.wire.length ? 1 : 0);
    receive.push(vector.wire.subarray(cut));
    expect(packets).toEqual([packetOf(vector)]);
    expect(errors).toEqual([]);
    expect(receive.counters).toEqual({ bytes: vector.wire.length, frames: 1, crcErrors: 0, frameErrors: 0 });
  }
});

test.each(frameErrors)('refuses $title as $error and goes on', ({ wire, error }) => {
  const good = validVectors[0]!;
  const { receive, packets, errors } = receiver();
  receive.push(wire);
  receive.push(good.wire);
  expect(errors).toEqual([error]);
  expect(packets).toEqual([packetOf(good)]);
  expect(receive.counters).toEqual({
    bytes: wire.length + good.wire.length,
    frames: 1,
    crcErrors: error === 'crc' ? 1 : 0,
    frameErrors: error === 'crc' ? 0 : 1,
  });
});

test('all vectors in one stream, byte by byte, come out in order', () => {
  const { receive, packets } = receiver();
  for (const { wire } of vectors) for (const byte of wire) receive.push(Uint8Array.of(byte));
  expect(packets).toEqual(vectors.map(packetOf));
});

test('every frame cut short is refused', () => {
  for (const { wire, title } of vectors) {
    for (let length = 1; length < wire.length - 1; length++) {
      expect(typeof decodeFrame(wire.subarray(0, length)), `${title} at ${length}`).toBe('string');
    }
  }
});

test('every wrong bit is refused', () => {
  for (const { wire, title } of vectors) {
    for (let bit = 0; bit < 8 * (wire.length - 1); bit++) {
      const { receive, packets } = receiver();
      const damaged = wire.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      receive.push(damaged);
      expect(packets, `${title}, bit ${bit}`).toEqual([]);
    }
  }
});

test('delimiters between frames are silence', () => {
  const { receive, packets, errors } = receiver();
  receive.push(Uint8Array.of(0, 0, 0, ...validVectors[3]!.wire, 0, 0));
  expect(packets.length).toBe(1);
  expect(errors).toEqual([]);
  expect(receive.counters.frameErrors).toBe(0);
});

test('the frame that was under way when the connection began is one error', () => {
  const { receive, packets, errors } = receiver();
  receive.push(validVectors[0]!.wire.subarray(9));
  receive.push(validVectors[1]!.wire);
  expect(errors.length).toBe(1);
  expect(packets.length).toBe(1);
});

test('reset forgets a frame that was begun', () => {
  const { receive, packets, errors } = receiver();
  receive.push(validVectors[0]!.wire.subarray(0, 9));
  receive.reset();
  receive.push(validVectors[1]!.wire);
  expect(packets.length).toBe(1);
  expect(errors).toEqual([]);
});

test('noise without end holds one frame of memory and is one error', () => {
  const { receive, errors } = receiver();
  for (let round = 0; round < 100; round++) receive.push(new Uint8Array(1000).fill(0x55));
  receive.push(Uint8Array.of(0));
  expect(errors).toEqual(['length']);
  expect(receive.counters.bytes).toBe(100_001);
});

test('the longest packet fits MAX_WIRE and one byte more is refused', () => {
  const payload = new Uint8Array(32).fill(1);
  expect(encodeFrame({ type: 1, sequence: 0x0101, payload }).length).toBe(MAX_WIRE);
  expect(() => encodeFrame({ type: 1, sequence: 0, payload: new Uint8Array(33) })).toThrow(/33 bytes/);
});
