/**
 * Messages as whole WebSocket frames (RFC 6455, section 5.2), built once for all subscribers of a message.
 *
 * A server's frames are not masked and no extension is agreed on, so the same bytes go to every socket as they are.
 */

import { type BrokerMessage, copyBytes } from '../broker/index.ts';
import {
  numberLength,
  recordFlags,
  recordKinds,
  type ServerMessage,
  topicRecord,
  writeNumber,
} from '../protocol/index.ts';

export const opcodes = { text: 0x1, binary: 0x2 } as const;

/** Topics that have a number at a time; beyond, all get new ones. */
const mostNumbered = 200_000;

export class FrameCache {
  readonly #json = new BuiltFrames(jsonFrame);
  readonly #echo = new BuiltFrames(echoFrame);
  readonly #records = new BuiltFrames(recordFrame);
  readonly #numbers = new Map<string, number>();
  #lastNumber = 0;
  /** The topic that was asked for last, which all subscribers of a message ask for. */
  #asked = { topic: '', number: 0 };

  /** `message` of `earl.v1.json`: the payload as it is when it is JSON, else in base64. */
  json(message: BrokerMessage): Buffer {
    return this.#json.of(message);
  }

  /** What the thesis' subscribers get; a payload that is no JSON as a string of base64. */
  echo(message: BrokerMessage): Buffer {
    return this.#echo.of(message);
  }

  /**
   * `message` of `earl.v1` as a frame of its own. The first byte of the record stands behind the frame's header.
   * @param topicNumber which the client has been told: `topicNumber`, or what that was earlier
   */
  binary(message: BrokerMessage, topicNumber: number): Buffer {
    return this.#records.of(message, topicNumber);
  }

  /** The number that stands for a topic on every connection; never used again for another one. */
  topicNumber(topic: string): number {
    if (topic === this.#asked.topic) return this.#asked.number;
    let number = this.#numbers.get(topic);
    if (number === undefined) {
      if (this.#numbers.size >= mostNumbered) this.#numbers.clear();
      number = ++this.#lastNumber;
      this.#numbers.set(topic, number);
    }
    this.#asked.topic = topic;
    this.#asked.number = number;
    return number;
  }
}

/**
 * Frames of one kind. Of live messages only the last one's is kept: brokers hand a message to all subscribers before the
 * next. Retained ones are kept for as long as the broker has them, since many may wait in the queues of many clients.
 */
class BuiltFrames {
  readonly #build: (message: BrokerMessage, topicNumber: number) => Buffer;
  readonly #retained = new WeakMap<BrokerMessage, { readonly frame: Buffer; readonly topicNumber: number }>();
  #last: BrokerMessage | undefined;
  #lastNumber = 0;
  #built: Buffer = nothing;

  constructor(build: (message: BrokerMessage, topicNumber: number) => Buffer) {
    this.#build = build;
  }

  of(message: BrokerMessage, topicNumber = 0): Buffer {
    if (message === this.#last && topicNumber === this.#lastNumber) return this.#built;
    if (message.retained) return this.#ofRetained(message, topicNumber);
    this.#last = message;
    this.#lastNumber = topicNumber;
    this.#built = this.#build(message, topicNumber);
    return this.#built;
  }

  #ofRetained(message: BrokerMessage, topicNumber: number): Buffer {
    const built = this.#retained.get(message);
    if (built?.topicNumber === topicNumber) return built.frame;
    const frame = this.#build(message, topicNumber);
    this.#retained.set(message, { frame, topicNumber });
    return frame;
  }
}

function jsonFrame({ topic, payload, offset, retained, data }: BrokerMessage): Buffer {
  const head = `{"op":"message","topic":${JSON.stringify(topic)},"offset":${offset}${retained ? ',"retained":true' : ''}`;
  if (data === undefined) {
    return frame(opcodes.text, [Buffer.from(`${head},"encoding":"base64","data":"${payload.toString('base64')}"}`)]);
  }
  return frame(opcodes.text, [Buffer.from(`${head},"data":`), payload.length === 0 ? nullText : payload, brace]);
}

function echoFrame({ topic, payload, data }: BrokerMessage): Buffer {
  return textFrame(JSON.stringify({ channel: topic, message: data === undefined ? payload.toString('base64') : data }));
}

/** In the message's headroom when there is enough, so that the payload is not copied again. */
function recordFrame(message: BrokerMessage, number: number): Buffer {
  const headLength = recordHeadLength(message, number);
  const length = headLength + message.length;
  const before = headerLength(length) + headLength;
  let bytes = message.bytes as Buffer;
  let payloadAt = message.start;
  if (message.takeHeadroom() < before) {
    bytes = Buffer.allocUnsafe(before + message.length);
    payloadAt = before;
    copyBytes(message.bytes, message.start, message.end, bytes, payloadAt);
  }
  const start = payloadAt - before;
  writeHeader(bytes, start, opcodes.binary, length);
  writeRecordHead(bytes, payloadAt - headLength, message, number);
  return bytes.subarray(start, payloadAt + message.length);
}

/** Bytes of the record of a message before its payload. */
export function recordHeadLength({ offset, length }: BrokerMessage, number: number): number {
  return 1 + numberLength(number) + numberLength(offset) + numberLength(length);
}

/** Returns the place behind it. */
export function writeRecordHead(to: Uint8Array, at: number, message: BrokerMessage, number: number): number {
  to[at] = recordKinds.message | (message.retained ? recordFlags.retain : 0);
  return writeNumber(to, writeNumber(to, writeNumber(to, at + 1, number), message.offset), message.length);
}

/** `topic` of `earl.v1`. */
export function topicFrame(number: number, topic: string): Buffer {
  return frame(opcodes.binary, [topicRecord(number, topic)]);
}

export function frameOf(message: ServerMessage): Buffer {
  return textFrame(JSON.stringify(message));
}

export function frame(opcode: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = headerLength(length);
  const bytes = Buffer.allocUnsafe(header + length);
  writeHeader(bytes, 0, opcode, length);
  let at = header;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = headerLength(length);
  const bytes = Buffer.allocUnsafe(header + length);
  writeHeader(bytes, 0, opcodes.text, length);
  bytes.write(text, header);
  return bytes;
}

export function headerLength(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

export function writeHeader(bytes: Buffer, at: number, opcode: number, length: number): void {
  bytes[at] = 0x80 | opcode;
  if (length < 126) {
    bytes[at + 1] = length;
  } else if (length < 65_536) {
    bytes[at + 1] = 126;
    bytes.writeUInt16BE(length, at + 2);
  } else {
    bytes[at + 1] = 127;
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), at + 2);
    bytes.writeUInt32BE(length >>> 0, at + 6);
  }
}

const nothing = Buffer.alloc(0);
const nullText = Buffer.from('null');
const brace = Buffer.from('}');
