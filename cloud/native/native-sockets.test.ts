/** The addon's connections over real TCP: a server of Node takes them, bare sockets are the clients. */

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { loadAddon } from './addon.ts';
import { type NativePeer, NativeSockets } from './native-sockets.ts';

interface Receiver extends NodeJS.EventEmitter {
  write(bytes: Buffer): boolean;
}
/** The types of `ws` leave its receiver out. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Receiver };

const limits = { connections: 100, messageBytes: 65_536, fragments: 16, pauseMs: 1 };

/** A client's frame: whole, masked. */
function masked(opcode: number, payload: Buffer | string, final = true): Buffer {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >> 8, body.length & 0xff];
  const mask = [0x12, 0x34, 0x56, 0x78];
  for (const [index, byte] of body.entries()) body[index] = byte ^ mask[index & 3]!;
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...head, ...mask]), body]);
}

/** A server's frame with a text. */
function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const head = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...head]), body]);
}

/** A connection as the server sees it: what it heard, in words. */
class Peer implements NativePeer {
  id = 0;
  readonly heard: string[] = [];
  onText: (text: string) => void = () => {};
  #wake = () => {};

  onMessage(bytes: Buffer, start: number, end: number, isBinary: boolean): void {
    const text = bytes.toString('utf8', start, end);
    this.#note(isBinary ? `binary ${text}` : text);
    this.onText(text);
  }

  onHeard(): void {
    this.#note('heard');
  }

  onDrained(): void {
    this.#note('drained');
  }

  onClosing(code: number): void {
    this.#note(`closing ${code}`);
  }

  onEnded(code: number): void {
    this.#note(`ended ${code}`);
  }

  /** Resolves when so much has been heard. */
  async hears(count: number): Promise<string[]> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.heard;
  }

  #note(what: string): void {
    this.heard.push(what);
    this.#wake();
  }
}

/** The other end: what it got, in words. */
class Client {
  readonly socket: Socket;
  readonly got: string[] = [];
  #wake = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const receiver = new Receiver({ isServer: false, allowSynchronousEvents: true });
    const note = (what: string) => {
      this.got.push(what);
      this.#wake();
    };
    receiver.on('message', (data: Buffer) => note(data.length > 100 ? `${data.length} bytes` : data.toString()));
    receiver.on('ping', (data: Buffer) => note(`ping ${data}`));
    receiver.on('pong', (data: Buffer) => note(`pong ${data}`));
    receiver.on('conclude', (code: number, reason: Buffer) => note(`close ${code} ${reason}`.trimEnd()));
    socket.on('data', (bytes) => receiver.write(bytes as Buffer));
    socket.on('end', () => note('end'));
    socket.on('error', () => {});
  }

  async gets(count: number): Promise<string[]> {
    while (this.got.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.got;
  }
}

describe.skipIf(process.platform !== 'linux')('connections of the addon', () => {
  let server: Server;
  let sockets: NativeSockets;
  let clients: Client[] = [];
  let streams: Socket[] = [];

  const open = (wishes: Partial<typeof limits> = {}): void => {
    const addon = loadAddon();
    if (typeof addon === 'string') throw new Error(addon);
    sockets = new NativeSockets(addon, { ...limits, ...wishes });
  };

  beforeEach(async () => {
    clients = [];
    streams = [];
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    sockets.close();
    for (const socket of [...clients.map((client) => client.socket), ...streams]) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A connection that Node has accepted; one at a time. */
  const accepted = async (): Promise<{ client: Client; stream: Socket }> => {
    const { port } = server.address() as { port: number };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const [[stream]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(socket, 'connect')]);
    stream.on('error', () => {});
    const client = new Client(socket);
    clients.push(client);
    streams.push(stream);
    return { client, stream };
  };

  const adopted = async (head = Buffer.alloc(0)): Promise<{ client: Client; peer: Peer }> => {
    const { client, stream } = await accepted();
    const peer = new Peer();
    peer.id = sockets.adopt(stream, head, peer);
    expect(peer.id).not.toBe(0);
    return { client, peer };
  };

  const severalAdopted = async (count: number) => {
    const all: { client: Client; peer: Peer }[] = [];
    while (all.length < count) all.push(await adopted());
    return all;
  };

  it('hears what came before it was taken over, then what comes', async () => {
    open();
    const { client, stream } = await accepted();
    client.socket.write(masked(1, 'second'));
    stream.resume();
    stream.pause();
    while (stream.readableLength === 0) {
      stream.read(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.socket.write(masked(1, 'third'));
    const peer = new Peer();
    peer.id = sockets.adopt(stream, masked(1, 'first'), peer);
    client.socket.write(masked(2, 'fourth'));
    expect(await peer.hears(4)).toEqual(['first', 'second', 'third', 'binary fourth']);
    expect(stream.destroyed).toBe(true);
    sockets.write(peer.id, textFrame('answer'));
    expect(await client.gets(1)).toEqual(['answer']);
  });

  it('puts a message in fragments together, with a ping between them', async () => {
    open();
    const { client, peer } = await adopted();
    const bytes = Buffer.concat([masked(1, 'one ', false), masked(9, 'now'), masked(0, 'two '), masked(1, 'three')]);
    for (const byte of bytes) client.socket.write(Buffer.from([byte]));
    expect(await peer.hears(3)).toEqual(['heard', 'one two ', 'three']);
    expect(await client.gets(1)).toEqual(['pong now']);
  });

  it.each([0, 1])('gives one frame to many and each its own, in order (pause of %i ms)', async (pauseMs) => {
    open({ pauseMs });
    const all = await severalAdopted(20);
    const first = all[0]!;
    first.peer.onText = (text) => {
      const frame = textFrame(`to all: ${text}`);
      for (const { peer } of all) sockets.write(peer.id, frame);
      for (const [index, { peer }] of all.entries()) sockets.write(peer.id, textFrame(`to ${index}`));
    };
    for (let count = 0; count < 50; count++) first.client.socket.write(masked(1, String(count)));
    for (const [index, { client }] of all.entries()) {
      const got = await client.gets(100);
      expect(got).toEqual(Array.from({ length: 50 }, (_, count) => [`to all: ${count}`, `to ${index}`]).flat());
    }
  });

  it('keeps what a client does not take, says how much, and when it is gone', async () => {
    open();
    const { client, peer } = await adopted();
    client.socket.pause();
    const frame = textFrame('x'.repeat(60_000));
    let written = 0;
    while (sockets.waitingBytes(peer.id) === 0) {
      sockets.write(peer.id, frame);
      sockets.flush();
      written += 1;
    }
    sockets.write(peer.id, textFrame('last'));
    sockets.flush();
    expect(sockets.waitingBytes(peer.id)).toBeLessThanOrEqual(frame.length + 6);
    client.socket.resume();
    expect(await peer.hears(1)).toEqual(['drained']);
    expect(sockets.waitingBytes(peer.id)).toBe(0);
    const got = await client.gets(written + 1);
    expect(got).toEqual([...Array.from({ length: written }, () => '60000 bytes'), 'last']);
  });

  it('sends frames that are larger than what is collected for a turn', async () => {
    open();
    const { client, peer } = await adopted();
    const large = Buffer.alloc(3 * 1024 * 1024, 'x');
    large.set([0x81, 127, 0, 0, 0, 0], 0);
    large.writeUInt32BE(large.length - 10, 6);
    sockets.write(peer.id, textFrame('before'));
    sockets.write(peer.id, large);
    sockets.write(peer.id, textFrame('after'));
    expect(await client.gets(3)).toEqual(['before', `${large.length - 10} bytes`, 'after']);
  });

  it('stops and resumes reading', async () => {
    open();
    const { client, peer } = await adopted();
    sockets.setReading(peer.id, false);
    client.socket.write(masked(1, 'held'));
    client.socket.end();
    const other = await adopted();
    other.client.socket.write(masked(1, 'heard'));
    await other.peer.hears(1);
    expect(peer.heard).toEqual([]);
    sockets.setReading(peer.id, true);
    expect(await peer.hears(2)).toEqual(['held', 'ended 1006']);
  });

  it('says goodbye, and ends when the client has answered', async () => {
    open();
    const { client, peer } = await adopted();
    sockets.write(peer.id, textFrame('before'));
    sockets.closeConnection(peer.id, 4101, 'shutting down');
    sockets.write(peer.id, textFrame('never'));
    expect(await client.gets(2)).toEqual(['before', 'close 4101 shutting down']);
    client.socket.write(Buffer.concat([masked(1, 'unheard'), masked(8, Buffer.from([0x10, 0x05]))]));
    expect((await client.gets(3))[2]).toBe('end');
    client.socket.end();
    expect(await peer.hears(1)).toEqual(['ended 4101']);
  });

  it('answers a goodbye with its code', async () => {
    open();
    const { client, peer } = await adopted();
    client.socket.write(masked(8, Buffer.from([0x03, 0xe9])));
    expect(await client.gets(2)).toEqual(['close 1001', 'end']);
    client.socket.end();
    expect(await peer.hears(2)).toEqual(['closing 1001', 'ended 1001']);
  });

  it.each([
    ['a frame without a mask', Buffer.from([0x81, 1, 0x61]), 1002],
    ['a text that is no UTF-8', masked(1, Buffer.from([0xc3])), 1007],
    [
      'a message of many fragments',
      Buffer.concat(Array.from({ length: 17 }, (_, at) => masked(at ? 0 : 1, '', false))),
      1008,
    ],
    ['a message that is too long', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1]), 1009],
  ])('refuses %s', async (_what, bytes, code) => {
    open();
    const { client, peer } = await adopted();
    client.socket.write(Buffer.concat([masked(1, 'fine'), bytes, masked(1, 'unheard')]));
    expect(await client.gets(2)).toEqual([`close ${code}`, 'end']);
    client.socket.end();
    expect(await peer.hears(3)).toEqual(['fine', `closing ${code}`, `ended ${code}`]);
  });

  it.each([
    ['a goodbye', masked(8, Buffer.from([0x03, 0xe9])), 1001],
    ['a frame without a mask', Buffer.from([0x81, 1, 0x61]), 1002],
  ])('answers what came before %s first', async (_what, bytes, code) => {
    open();
    const large = Buffer.concat([Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0x20, 0, 0]), Buffer.alloc(2 ** 21, 'x')]);
    const { client, peer } = await adopted();
    peer.onText = (text) => sockets.write(peer.id, text === 'much' ? large : textFrame(`got ${text}`));
    client.socket.write(Buffer.concat([masked(1, 'one'), masked(1, 'much'), masked(1, 'two'), bytes]));
    expect(await client.gets(5)).toEqual(['got one', '2097152 bytes', 'got two', `close ${code}`, 'end']);
    client.socket.end();
    expect(await peer.hears(5)).toEqual(['one', 'much', 'two', `closing ${code}`, `ended ${code}`]);
  });

  it('says its own goodbye when a message is answered by one that another goodbye follows', async () => {
    open();
    const { client, peer } = await adopted();
    peer.onText = () => sockets.closeConnection(peer.id, 4101, 'enough');
    client.socket.write(Buffer.concat([masked(1, 'one'), masked(8, Buffer.from([0x03, 0xe9]))]));
    expect(await client.gets(2)).toEqual(['close 4101 enough', 'end']);
    client.socket.end();
    expect(await peer.hears(3)).toEqual(['one', 'closing 1001', 'ended 4101']);
  });

  it('is ended from within a message that a goodbye follows', async () => {
    open();
    const { client, peer } = await adopted();
    peer.onText = () => sockets.terminate(peer.id);
    client.socket.write(Buffer.concat([masked(1, 'one'), masked(8, Buffer.from([0x03, 0xe9]))]));
    expect(await client.gets(1)).toEqual(['end']);
    expect(await peer.hears(3)).toEqual(['one', 'closing 1001', 'ended 1001']);
  });

  it('hears of a reset once', async () => {
    open();
    const { client, peer } = await adopted();
    client.socket.resetAndDestroy();
    expect(await peer.hears(1)).toEqual(['ended 1006']);
    sockets.write(peer.id, textFrame('too late'));
    sockets.flush();
    sockets.terminate(peer.id);
  });

  it('answers what came before half of the connection was closed', async () => {
    open();
    const { client, peer } = await adopted();
    peer.onText = (text) => sockets.write(peer.id, textFrame(`got ${text}`));
    client.socket.end(masked(1, 'last words'));
    expect(await client.gets(2)).toEqual(['got last words', 'end']);
    expect(peer.heard).toEqual(['last words', 'ended 1006']);
  });

  it('is ended from within its own message, and its place goes to another', async () => {
    open({ connections: 1 });
    const { client, peer } = await adopted();
    peer.onText = () => {
      sockets.terminate(peer.id);
      sockets.write(peer.id, textFrame('never'));
    };
    client.socket.write(Buffer.concat([masked(1, 'one'), masked(1, 'two')]));
    expect(await client.gets(1)).toEqual(['end']);
    expect(await peer.hears(3)).toEqual(['one', 'two', 'ended 1006']);
    const next = await adopted();
    expect(next.peer.id).not.toBe(peer.id);
    sockets.write(peer.id, textFrame('to the one before'));
    sockets.write(next.peer.id, textFrame('to this one'));
    expect(await next.client.gets(1)).toEqual(['to this one']);
  });

  it('leaves to Node what it has no room for', async () => {
    open({ connections: 1 });
    await adopted();
    const { client, stream } = await accepted();
    expect(sockets.adopt(stream, Buffer.alloc(0), new Peer())).toBe(0);
    stream.end(textFrame('by Node'));
    expect(await client.gets(1)).toEqual(['by Node']);
  });

  it('ends a client that sends pings and never reads the answers', async () => {
    open();
    const { client, peer } = await adopted();
    client.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 500 }, () => masked(9, 'x'.repeat(125))));
    const flood = setInterval(() => {
      if (client.socket.writableLength < 2 ** 20) client.socket.write(pings);
    }, 0);
    while (!peer.heard.includes('ended 1006')) await peer.hears(peer.heard.length + 1);
    clearInterval(flood);
  });

  it('leaves nothing behind after 10,000 connections', async () => {
    open();
    const together = 50;
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        const some = await severalAdopted(together);
        // Something incomplete is held for each when it ends.
        for (const { client, peer } of some) {
          sockets.write(peer.id, textFrame('welcome'));
          client.socket.write(masked(1, 'x'.repeat(1000)).subarray(0, 500));
          client.socket.end();
        }
        await Promise.all(some.map(({ peer }) => peer.hears(1)));
        for (const { socket } of clients.splice(0)) socket.destroy();
        streams = [];
      }
    };
    await rounds(20);
    const before = { descriptors: descriptors(), bytes: process.memoryUsage.rss() };
    await rounds(180);
    expect(sockets.connections).toBe(0);
    expect(descriptors()).toBeLessThan(before.descriptors + together);
    // 9,000 forgotten incomplete messages alone would be 4.5 MB; the collector's own moods are larger than that.
    expect(process.memoryUsage.rss() - before.bytes).toBeLessThan(100 * 2 ** 20);
  }, 60_000);
});
