/**
 * How the load generator speaks with each server: opens subscribers and publishers, wraps samples, unwraps deliveries.
 *
 * `earl` is docs/protocol.md, `earl.v1`. `plain` is what the peers in peers/ speak: one topic a connection, named in the
 * address, payloads as they are. `nats` is the text protocol of nats-server, `socket.io` version 4 over WebSocket.
 */

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { EarlError } from '../../../errors/index.ts';
import { FrameReader, maskedFrame, opcodes } from './wire.ts';

/** Where samples of a subscriber go; `at` is where the payload begins. */
export type SampleTaker = (bytes: Buffer, at: number) => void;

export interface Publisher {
  /** Samples of one or several topics of this publisher, as one write; `topics` counts from the publisher's first. */
  send(topics: readonly number[], payloads: readonly Buffer[]): void;
  end(): void;
}

export interface SubscribeWishes {
  /** Whose topics; undefined for everybody's. */
  readonly publisher: number | undefined;
  /** Topics that each publisher has. */
  readonly topics: number;
  readonly maxDelayMs: number;
}

export interface PublishWishes {
  readonly publisher: number;
  /** Topics that it has. */
  readonly topics: number;
  /** Whether one subscriber hears all topics. */
  readonly watched: boolean;
  readonly acknowledged: boolean;
  readonly onAccepted: (seq: number) => void;
}

export interface Dialect {
  /** Whether several samples may go in one message. */
  readonly batches: boolean;
  subscribe(port: number, wishes: SubscribeWishes, take: SampleTaker): Promise<Socket>;
  publisher(port: number, wishes: PublishWishes): Promise<Publisher>;
  /** A connection that does nothing. */
  idle(port: number): Promise<Socket>;
}

// ---- connecting

async function tcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.removeAllListeners('error');
  return socket;
}

/** Resolves when `ready` says so of what the server sends; rejects when the connection ends before. */
async function opened<Value>(socket: Socket, start: (done: (value: Value) => void) => void): Promise<Value> {
  return await new Promise((resolve, reject) => {
    const failed = () => reject(new EarlError('BENCH_REFUSED', 'the server under test ended a connection'));
    socket.once('close', failed);
    socket.on('error', reject);
    start((value) => {
      socket.off('close', failed);
      socket.off('error', reject);
      // A server that is stopped resets what is open: what was lost is counted, not thrown.
      socket.on('error', () => {});
      resolve(value);
    });
  });
}

async function webSocket(port: number, path: string, subprotocol?: string): Promise<Socket> {
  const socket = await tcp(port);
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    ...(subprotocol ? [`Sec-WebSocket-Protocol: ${subprotocol}`] : []),
  ];
  return await opened(socket, (done) => {
    let head = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', read);
      if (!head.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
        socket.destroy(
          new EarlError('BENCH_REFUSED', `the server answered ${head.subarray(0, 40).toString('latin1')}`),
        );
        return;
      }
      socket.pause();
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      done(socket);
    };
    socket.on('data', read);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

/** Reads frames; answers pings. */
function readFrames(
  socket: Socket,
  onBinary: (bytes: Buffer, start: number, end: number) => void,
  onText: (text: string) => void = () => {},
): void {
  const reader = new FrameReader((opcode, bytes, start, end) => {
    if (opcode === opcodes.binary) onBinary(bytes, start, end);
    else if (opcode === opcodes.text) onText(bytes.toString('utf8', start, end));
    else if (opcode === opcodes.ping) socket.write(maskedFrame(opcodes.pong, bytes.subarray(start, end)));
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.resume();
}

// ---- Earl

const earlRecords = { topic: 1, message: 2, accepted: 3, retain: 0x10, sequence: 0x20 } as const;

function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 0x80)) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest % 0x80) | 0x80);
  }
}

/** Calls back for each message and acceptance in a binary message of `earl.v1`. */
function readRecords(
  bytes: Buffer,
  start: number,
  end: number,
  take: SampleTaker,
  accepted: (seq: number) => void,
): void {
  let at = start;
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < end) {
    const kind = bytes[at++]! & 0x0f;
    if (kind === earlRecords.accepted) accepted(number());
    else if (kind === earlRecords.topic || kind === earlRecords.message) {
      number();
      if (kind === earlRecords.message) number();
      const length = number();
      if (kind === earlRecords.message) take(bytes, at);
      at += length;
    } else throw new EarlError('BENCH_WRONG', `the cloud sent a record of kind ${kind}: a publish was refused`);
  }
}

async function earlConnection(
  port: number,
  take: SampleTaker,
  accepted: (seq: number) => void,
  publisher?: string,
): Promise<{ socket: Socket; ask: (request: object, answer: string) => Promise<void> }> {
  const socket = await webSocket(port, '/', 'earl.v1');
  let answered = (_text: string): void => {};
  readFrames(
    socket,
    (bytes, start, end) => readRecords(bytes, start, end, take, accepted),
    (text) => answered(text),
  );
  const ask = async (request: object, answer: string) => {
    await opened<void>(socket, (done) => {
      answered = (text) => {
        if ((JSON.parse(text) as { op: string }).op === answer) done();
        else socket.destroy(new EarlError('BENCH_REFUSED', `the cloud answered ${text}`));
      };
      socket.write(maskedFrame(opcodes.text, Buffer.from(JSON.stringify(request))));
    });
  };
  await ask({ op: 'hello', ...(publisher ? { publisher } : {}) }, 'welcome');
  return { socket, ask };
}

const earl: Dialect = {
  batches: true,
  async subscribe(port, { publisher, topics, maxDelayMs }, take) {
    const { socket, ask } = await earlConnection(port, take, () => {});
    const filter = publisher === undefined ? 'bench/#' : `bench/${publisher}/${topics === 1 ? 0 : '+'}`;
    await ask({ op: 'subscribe', id: 1, filter, ...(maxDelayMs > 0 ? { maxDelayMs } : {}) }, 'ok');
    return socket;
  },
  async publisher(port, { publisher, topics: topicCount, acknowledged, onAccepted }) {
    const name = acknowledged ? `bench-${publisher}` : undefined;
    const { socket } = await earlConnection(port, () => {}, onAccepted, name);
    let seq = 0;
    for (let index = 0; index < topicCount; index++) {
      const topic = Buffer.from(`bench/${publisher}/${index}`);
      socket.write(
        maskedFrame(
          opcodes.binary,
          Buffer.concat([Buffer.from([earlRecords.topic, ...leb128(index + 1), topic.length]), topic]),
        ),
      );
    }
    return {
      send(topics, payloads) {
        const parts: Buffer[] = [];
        for (const [index, payload] of payloads.entries()) {
          const numbers = acknowledged ? [...leb128(topics[index]! + 1), ...leb128(++seq)] : leb128(topics[index]! + 1);
          const kind = earlRecords.message | (acknowledged ? earlRecords.sequence : 0);
          parts.push(Buffer.from([kind, ...numbers, ...leb128(payload.length)]), payload);
        }
        socket.write(maskedFrame(opcodes.binary, Buffer.concat(parts)));
      },
      end: () => socket.destroy(),
    };
  },
  async idle(port) {
    return (
      await earlConnection(
        port,
        () => {},
        () => {},
      )
    ).socket;
  },
};

// ---- peers

const plain: Dialect = {
  batches: false,
  async subscribe(port, { publisher }, take) {
    const socket = await webSocket(port, `/sub?t=${publisher ?? 'all'}`);
    readFrames(socket, take);
    return socket;
  },
  async publisher(port, { publisher, watched }) {
    const socket = await webSocket(port, `/pub?t=${watched ? 'all' : publisher}`);
    readFrames(socket, () => {});
    return {
      send(_topics, payloads) {
        for (const payload of payloads) socket.write(maskedFrame(opcodes.binary, payload));
      },
      end: () => socket.destroy(),
    };
  },
  async idle(port) {
    const socket = await webSocket(port, '/pub?t=idle');
    readFrames(socket, () => {});
    return socket;
  },
};

/** Socket.IO: engine.io's and its own handshake, then an event with one binary attachment as two frames. */
async function socketIo(port: number, role: string, topic: string | number, take: SampleTaker): Promise<Socket> {
  const socket = await webSocket(port, `/socket.io/?EIO=4&transport=websocket&role=${role}&t=${topic}`);
  return await opened(socket, (done) => {
    readFrames(socket, take, (text) => {
      if (text[0] === '0') socket.write(maskedFrame(opcodes.text, Buffer.from('40')));
      else if (text[0] === '2') socket.write(maskedFrame(opcodes.text, Buffer.from('3')));
      else if (text === '42["ready"]') done(socket);
    });
  });
}

const socketIoEvent = maskedFrame(opcodes.text, Buffer.from('451-["m",{"_placeholder":true,"num":0}]'));

const socketIoDialect: Dialect = {
  batches: false,
  subscribe: (port, { publisher }, take) => socketIo(port, 'sub', publisher ?? 'all', take),
  async publisher(port, { publisher, watched }) {
    const socket = await socketIo(port, 'pub', watched ? 'all' : publisher, () => {});
    return {
      send(_topics, payloads) {
        for (const payload of payloads) {
          socket.write(Buffer.concat([socketIoEvent, maskedFrame(opcodes.binary, payload)]));
        }
      },
      end: () => socket.destroy(),
    };
  },
  idle: (port) => socketIo(port, 'pub', 'idle', () => {}),
};

const line = Buffer.from('\r\n');

async function natsConnection(port: number, subject: string | undefined, take: SampleTaker): Promise<Socket> {
  const socket = await tcp(port);
  return await opened(socket, (done) => {
    let rest: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      for (let end = bytes.indexOf(line, at); end >= 0; end = bytes.indexOf(line, at)) {
        const first = bytes[at];
        if (first === 0x4d) {
          // MSG subject sid length
          const length = Number(bytes.toString('latin1', bytes.lastIndexOf(0x20, end) + 1, end));
          if (end + 4 + length > bytes.length) break;
          take(bytes, end + 2);
          at = end + 4 + length;
          continue;
        }
        const said = bytes.toString('latin1', at, end);
        if (said === 'PING') socket.write('PONG\r\n');
        if (said === 'PONG') done(socket);
        at = end + 2;
      }
      rest = bytes.subarray(at);
    };
    socket.on('data', read);
    socket.write(`CONNECT {"verbose":false}\r\n${subject ? `SUB ${subject} 1\r\n` : ''}PING\r\n`);
  });
}

const nats: Dialect = {
  batches: false,
  subscribe: (port, { publisher }, take) =>
    natsConnection(port, publisher === undefined ? 'bench.>' : `bench.${publisher}.*`, take),
  async publisher(port, { publisher }) {
    const socket = await natsConnection(port, undefined, () => {});
    return {
      send(topics, payloads) {
        for (const [index, payload] of payloads.entries()) {
          const head = Buffer.from(`PUB bench.${publisher}.${topics[index]!} ${payload.length}\r\n`, 'latin1');
          socket.write(Buffer.concat([head, payload, line]));
        }
      },
      end: () => socket.destroy(),
    };
  },
  idle: (port) => natsConnection(port, undefined, () => {}),
};

export const dialects = { earl, plain, nats, 'socket.io': socketIoDialect } as const;
export type DialectName = keyof typeof dialects;
