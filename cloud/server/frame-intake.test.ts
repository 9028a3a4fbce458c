/** What an intake and `ws` behind it read is what `ws` alone reads, however the bytes are cut. */
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { FrameIntake } from './frame-intake.ts';

type Event = readonly [kind: string, hex: string];

/** The types of `ws` leave its receiver out. */
const { Receiver } = ws as unknown as {
  Receiver: new (
    options: object,
  ) => {
    write(chunk: Buffer): boolean;
    on(event: string, listener: (data: Buffer, binary: boolean) => void): void;
  };
};

const mostBytes = 1000;

function receiver(events: Event[]): (chunk: Buffer) => void {
  const wsReceiver = new Receiver({ isServer: true, maxPayload: mostBytes });
  wsReceiver.on('message', (data, binary) => events.push([binary ? 'binary' : 'text', data.toString('hex')]));
  wsReceiver.on('ping', (data) => events.push(['ping', data.toString('hex')]));
  wsReceiver.on('error', (error) => events.push(['error', (error as unknown as { code: string }).code]));
  return (chunk) => wsReceiver.write(Buffer.from(chunk));
}

/** A masked frame, written out by itself rather than by what is tested. */
function frame(first: number, payload: Buffer): Buffer {
  const mask = Buffer.from('a1b2c3d4', 'hex');
  const size =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0xfe, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([Buffer.from([first]), size, mask, payload.map((byte, index) => byte ^ mask[index & 3]!)]);
}

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index & 0xff));
const stream = [
  frame(0x82, bytes(5)),
  frame(0x81, Buffer.from('text')),
  frame(0x82, bytes(0)),
  frame(0x89, bytes(3)),
  frame(0x82, bytes(300)),
  // A message in three fragments, a ping among them, and then one that is whole.
  frame(0x02, bytes(7)),
  frame(0x89, bytes(1)),
  frame(0x00, bytes(2)),
  frame(0x80, bytes(9)),
  frame(0x82, bytes(6)),
  frame(0x82, bytes(1)),
];

async function read(chunks: readonly Buffer[], withIntake: boolean): Promise<{ events: Event[]; taken: number }> {
  const events: Event[] = [];
  let taken = 0;
  const forward = receiver(events);
  const take = (data: Buffer) => {
    taken += 1;
    events.push(['binary', data.toString('hex')]);
  };
  const intake = new FrameIntake(mostBytes, take, forward);
  for (const chunk of chunks) {
    if (withIntake) intake.push(Buffer.from(chunk));
    else forward(chunk);
  }
  await new Promise((resolve) => setImmediate(resolve));
  return { events, taken };
}

describe('what the intake takes and passes on', () => {
  it('is all that came, in order, in one chunk', async () => {
    const all = Buffer.concat(stream);
    const { events, taken } = await read([all], true);
    expect(events).toEqual((await read([all], false)).events);
    expect(events).toHaveLength(9);
    // All but the fragmented one.
    expect(taken).toBe(5);
  });

  it('is the same at every place where the bytes can be cut', async () => {
    const all = Buffer.concat(stream);
    const expected = (await read([all], false)).events;
    for (let cut = 1; cut < all.length; cut++) {
      const { events } = await read([all.subarray(0, cut), all.subarray(cut)], true);
      expect(events, `cut at ${cut}`).toEqual(expected);
    }
  });

  it('is the same byte by byte', async () => {
    const all = Buffer.concat(stream);
    const { events } = await read(
      [...all].map((byte) => Buffer.from([byte])),
      true,
    );
    expect(events).toEqual((await read([all], false)).events);
  });

  it.each([
    ['too long a message', frame(0x82, bytes(mostBytes + 1))],
    ['one without a mask', Buffer.from('82020102', 'hex')],
    ['an extension', frame(0xc2, bytes(2))],
    ['an unknown opcode', frame(0x83, bytes(2))],
    ['a whole message inside a fragmented one', Buffer.concat([frame(0x02, bytes(2)), frame(0x82, bytes(2))])],
    ['a continuation of nothing', frame(0x80, bytes(2))],
  ])('leaves %s to ws', async (_name, wrong) => {
    const { events, taken } = await read([Buffer.concat([stream[0]!, wrong])], true);
    expect(events).toEqual((await read([Buffer.concat([stream[0]!, wrong])], false)).events);
    expect(events.at(-1)![0]).toBe('error');
    expect(taken).toBe(1);
  });
});
