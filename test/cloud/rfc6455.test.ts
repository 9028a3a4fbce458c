/**
 * The cloud against RFC 6455, case by case in the order of the Autobahn test suite (sections 1 to 7, 9), frame by frame
 * over a bare socket; once over Earl's own sockets (cloud/native), once over `ws`. Left out of Autobahn: compression
 * (12, 13), which the cloud does not agree on, and performance.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cloudsForTests } from './raw-client.ts';
import { clientFrame, type Frame, type FrameWish, opcodes, RawFrames } from './raw-frames.ts';

const start = cloudsForTests();
const { continuation, text, binary, close, ping, pong } = opcodes;

describe.each([
  { path: "Earl's own sockets", native: '1' },
  { path: 'ws', native: '0' },
])('over $path', ({ native }) => {
  let client: RawFrames;

  beforeEach(async ({ skip }) => {
    skip(native === '1' && process.platform !== 'linux', 'the addon is for Linux');
    vi.stubEnv('EARL_NATIVE', native);
    const cloud = await start();
    expect(cloud.sockets).toMatch(native === '1' ? /^native$/ : /^ws/);
    client = await RawFrames.open(cloud.port, 'earl.v1.json');
    await send({ opcode: text, payload: '{"op":"hello"}' });
    expect(said(await client.next())).toMatchObject({ op: 'welcome' });
  });

  afterEach(() => {
    client?.destroy();
    vi.unstubAllEnvs();
  });

  const send = (...wishes: FrameWish[]) => client.send(Buffer.concat(wishes.map(clientFrame)));
  const asked = (id: number) => `{"op":"ping","id":${id}}`;

  /** Whether the server still takes and answers a message. */
  async function expectOpen(): Promise<void> {
    await send({ opcode: text, payload: asked(77) });
    expect(said(await client.next())).toEqual({ op: 'pong', id: 77 });
  }

  /** The server says why it ends, and ends. */
  async function expectClosed(code: number): Promise<void> {
    const frames = await client.rest();
    const last = frames.at(-1);
    expect([last?.opcode, last?.payload.subarray(0, 2).toString('hex')]).toEqual([close, hex(code)]);
  }

  describe('1 framing', () => {
    it.each([0, 1, 124, 125, 126, 127, 128, 65_534 - 60])('a text of %i more bytes arrives whole', async (length) => {
      const data = 'ä'.repeat(length >> 1) + 'x'.repeat(length & 1);
      const subscribe = '{"op":"subscribe","id":1,"filter":"a"}';
      await send({ opcode: text, payload: subscribe });
      expect(said(await client.next())).toMatchObject({ op: 'ok' });
      await send({ opcode: text, payload: JSON.stringify({ op: 'publish', topic: 'a', data }) });
      expect(said(await client.next())).toMatchObject({ op: 'message', topic: 'a', data });
    });

    it('frames may come byte by byte', async () => {
      await client.send(clientFrame({ opcode: text, payload: asked(1).padEnd(130) }), true);
      expect(said(await client.next())).toEqual({ op: 'pong', id: 1 });
    });

    it('many may come at once', async () => {
      const ids = Array.from({ length: 200 }, (_, index) => index);
      await send(...ids.map((id) => ({ opcode: text, payload: asked(id) })));
      for (const id of ids) expect(said(await client.next())).toEqual({ op: 'pong', id });
    });

    it('a frame that is not masked ends the connection', async () => {
      await send({ opcode: text, payload: asked(1), masked: false });
      await expectClosed(1002);
    });
  });

  describe('2 pings and pongs', () => {
    it.each([0, 1, 125])('a ping of %i bytes is answered with its bytes', async (length) => {
      const payload = Buffer.alloc(length, 0xfe);
      await send({ opcode: ping, payload });
      expect(await client.next()).toEqual({ final: true, opcode: pong, payload });
    });

    it('byte by byte', async () => {
      await client.send(clientFrame({ opcode: ping, payload: 'hello' }), true);
      expect((await client.next())?.payload.toString()).toBe('hello');
    });

    it('ten in a row, in order', async () => {
      await send(...[...'0123456789'].map((payload) => ({ opcode: ping, payload })));
      for (const payload of '0123456789') expect((await client.next())?.payload.toString()).toBe(payload);
    });

    it('of more than 125 bytes end the connection', async () => {
      await send({ opcode: ping, payload: Buffer.alloc(126) });
      await expectClosed(1002);
    });

    it('a pong that nobody asked for is taken', async () => {
      await send({ opcode: pong, payload: 'unasked' }, { opcode: pong });
      await expectOpen();
    });
  });

  describe('3 reserved bits', () => {
    it.each([1, 2, 3, 4, 5, 6, 7])('%i ends the connection, after what came before', async (reserved) => {
      await send({ opcode: text, payload: asked(1) }, { opcode: text, payload: asked(2), reserved });
      expect(said(await client.next())).toEqual({ op: 'pong', id: 1 });
      await expectClosed(1002);
    });

    it.each([ping, close])('in a control frame %i as well', async (opcode) => {
      await send({ opcode, reserved: 4 });
      await expectClosed(1002);
    });
  });

  describe('4 opcodes', () => {
    it.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('%i is reserved', async (opcode) => {
      await send({ opcode, payload: 'x' });
      await expectClosed(1002);
    });
  });

  describe('5 fragments', () => {
    it('make one message, control frames between them', async () => {
      await send(
        { opcode: text, payload: '{"op":"pi', final: false },
        { opcode: ping, payload: 'between' },
        { opcode: continuation, payload: '', final: false },
        { opcode: continuation, payload: 'ng","id":5}' },
      );
      expect((await client.next())?.payload.toString()).toBe('between');
      expect(said(await client.next())).toEqual({ op: 'pong', id: 5 });
      await expectOpen();
    });

    it('byte by byte', async () => {
      const frames = [...asked(9)].map((payload, at, all) =>
        clientFrame({ opcode: at === 0 ? text : continuation, payload, final: at === all.length - 1 }),
      );
      await client.send(Buffer.concat(frames), true);
      expect(said(await client.next())).toEqual({ op: 'pong', id: 9 });
    });

    it.each([
      ['a ping in fragments', [{ opcode: ping, final: false }]],
      ['a pong in fragments', [{ opcode: pong, final: false }]],
      ['a goodbye in fragments', [{ opcode: close, final: false }]],
      ['a continuation of nothing', [{ opcode: continuation, payload: 'x' }]],
      ['an unfinished continuation of nothing', [{ opcode: continuation, payload: 'x', final: false }]],
      [
        'a continuation after the last',
        [
          { opcode: text, payload: '{"op":"ping"', final: false },
          { opcode: continuation, payload: ',"id":1}' },
          { opcode: continuation, payload: 'x' },
        ],
      ],
      ['a text inside a text', [{ opcode: text, final: false }, { opcode: text }]],
      ['a binary inside a text', [{ opcode: text, final: false }, { opcode: binary }]],
    ])('%s ends the connection', async (_, frames) => {
      await send(...frames);
      await expectClosed(1002);
    });
  });

  describe('6 UTF-8', () => {
    const invalid: [string, string][] = [
      ['a byte that begins nothing', '80'],
      ['a byte of no code point', 'ff'],
      ['an overlong slash', 'c0af'],
      ['an overlong zero', 'c080'],
      ['an overlong code point of three bytes', 'e09fbf'],
      ['an overlong code point of four bytes', 'f08fbfbf'],
      ['half a surrogate pair', 'eda080'],
      ['a surrogate pair', 'eda080edb080'],
      ['beyond U+10FFFF', 'f4908080'],
      ['five bytes', 'f888808080'],
      ['an end in the middle', 'ceba e1'],
    ];

    it.each(invalid)('%s ends the connection', async (_, bytes) => {
      await send({ opcode: text, payload: Buffer.from(bytes.replaceAll(' ', ''), 'hex') });
      await expectClosed(1007);
    });

    it.each(invalid)('%s in fragments', async (_, bytes) => {
      const payload = Buffer.from(bytes.replaceAll(' ', ''), 'hex');
      const frames = [...payload].map((byte, at) => ({
        opcode: at ? continuation : text,
        payload: [byte],
        final: false,
      }));
      await send(...frames.map((frame) => ({ ...frame, payload: Uint8Array.from(frame.payload) })), {
        opcode: continuation,
      });
      await expectClosed(1007);
    });

    it('a code point may be split over fragments and packets', async () => {
      await send({ opcode: text, payload: '{"op":"subscribe","id":1,"filter":"a"}' });
      await client.next();
      const data = 'κόσμε \u{10ffff} \u{fffd} \u{d7ff} \u{e000} 🛰';
      const payload = Buffer.from(JSON.stringify({ op: 'publish', topic: 'a', data }));
      const frames = [...payload].map((byte, at) =>
        clientFrame({
          opcode: at ? continuation : text,
          payload: Uint8Array.of(byte),
          final: at === payload.length - 1,
        }),
      );
      await client.send(Buffer.concat(frames), true);
      expect(said(await client.next())).toMatchObject({ data });
    });
  });

  describe('7 the closing handshake', () => {
    it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
      '%i is answered with itself',
      async (code) => {
        await send({ opcode: close, payload: Buffer.concat([Buffer.from(hex(code), 'hex'), Buffer.from('bye')]) });
        await expectClosed(code);
      },
    );

    it('without a code as well', async () => {
      await send({ opcode: close });
      expect(await client.rest()).toEqual([{ final: true, opcode: close, payload: Buffer.alloc(0) }]);
    });

    it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
      '%i is no code to be sent',
      async (code) => {
        await send({ opcode: close, payload: Buffer.from(hex(code), 'hex') });
        await expectClosed(1002);
      },
    );

    it('half a code', async () => {
      await send({ opcode: close, payload: Uint8Array.of(3) });
      await expectClosed(1002);
    });

    it('a reason that is no UTF-8', async () => {
      await send({ opcode: close, payload: Uint8Array.of(3, 0xe8, 0xed, 0xa0, 0x80) });
      await expectClosed(1007);
    });

    it('a reason that is too long', async () => {
      await send({ opcode: close, payload: Buffer.concat([Buffer.from(hex(1000), 'hex'), Buffer.alloc(124, 'x')]) });
      await expectClosed(1002);
    });

    it('what comes after it is not looked at', async () => {
      await send(
        { opcode: close, payload: Buffer.from(hex(1000), 'hex') },
        { opcode: text, payload: asked(1) },
        { opcode: ping, payload: 'late' },
      );
      expect((await client.rest()).map(({ opcode }) => opcode)).toEqual([close]);
    });

    it('what came before it is answered first', async () => {
      await send({ opcode: text, payload: asked(1) }, { opcode: close, payload: Buffer.from(hex(1000), 'hex') });
      expect((await client.rest()).map(({ opcode }) => opcode)).toEqual([text, close]);
    });
  });

  describe('9 limits', () => {
    it.each([
      ['one frame', [{ opcode: text, payload: 'x'.repeat(65_537) }]],
      [
        'fragments together',
        [
          { opcode: text, payload: 'x'.repeat(40_000), final: false },
          { opcode: continuation, payload: 'x'.repeat(40_000), final: false },
        ],
      ],
    ])('a message longer than the cloud allows: %s', async (_, frames) => {
      await send(...frames);
      await expectClosed(1009);
    });

    it('is refused by its header, before it comes', async () => {
      await client.send(clientFrame({ opcode: binary, payload: Buffer.alloc(100_000) }).subarray(0, 14));
      await expectClosed(1009);
    });

    it('a length beyond what numbers hold', async () => {
      await client.send(Buffer.from('82ffffffffffffffffff00000000', 'hex'));
      await expectClosed(1009);
    });

    it('more fragments than the cloud allows', async () => {
      await send(
        { opcode: text, final: false },
        ...Array.from({ length: 1_100 }, () => ({ opcode: continuation, payload: 'x', final: false })),
      );
      await expectClosed(1008);
    });
  });
});

function hex(code: number): string {
  return code.toString(16).padStart(4, '0');
}

function said(frame: Frame | undefined): unknown {
  expect(frame).toMatchObject({ final: true, opcode: text });
  return JSON.parse(frame!.payload.toString('utf8'));
}
