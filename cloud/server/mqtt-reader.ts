/**
 * Cuts a stream of bytes into MQTT 3.1.1 control packets and reads each.
 *
 * The package `mqtt-packet` decodes; it gets exactly one packet at a time, so that no field can reach into the next
 * packet, and nothing is buffered beyond the longest packet allowed. What it lets through although the specification
 * forbids it is refused here: wrong lengths, packet identifiers of 0, empty lists, texts that are no UTF-8.
 */

import { type IConnectPacket, type Packet, parser } from 'mqtt-packet';

/** Why the connection must be closed [MQTT-4.8.0-1]. */
export class MqttProblem extends Error {
  /** Of a CONNACK that is owed first. */
  readonly returnCode: number | undefined;

  constructor(message: string, returnCode?: number) {
    super(message);
    this.returnCode = returnCode;
  }
}

export const connackCodes = {
  accepted: 0,
  badVersion: 1,
  badIdentifier: 2,
  unavailable: 3,
  badPassword: 4,
  notAuthorized: 5,
} as const;

/** What packets of a fixed length hold beyond the fixed header. */
const fixedLengths: Readonly<Record<string, number>> = {
  puback: 2,
  pubrec: 2,
  pubrel: 2,
  pubcomp: 2,
  pingreq: 0,
  disconnect: 0,
};

export class MqttReader {
  readonly #mostBytes: number;
  readonly #onPacket: (packet: Packet) => void;
  readonly #parser = parser();
  #read: Packet | undefined;
  #problem: Error | undefined;
  /** The beginning of a packet whose end has not come; the first `#length` bytes count. */
  #rest = Buffer.alloc(0);
  #length = 0;

  /** @param mostBytes longest packet, without its fixed header of 2 to 5 bytes */
  constructor(mostBytes: number, onPacket: (packet: Packet) => void) {
    this.#mostBytes = mostBytes;
    this.#onPacket = onPacket;
    this.#parser.on('packet', (packet) => {
      this.#read = packet;
    });
    this.#parser.on('error', (error: Error) => {
      this.#problem = error;
    });
  }

  /** Takes what has arrived; the bytes may be reused afterwards. Throws an `MqttProblem`: the reader is of no more use. */
  push(bytes: Buffer): void {
    const all = this.#length === 0 ? bytes : this.#append(bytes);
    let at = 0;
    for (;;) {
      const size = packetSize(all, at, this.#mostBytes);
      if (size === undefined || at + size > all.length) break;
      const packet = this.#decode(all.subarray(at, at + size));
      at += size;
      this.#onPacket(packet);
    }
    if (all !== bytes && at === 0) return;
    this.#rest = Buffer.from(all.subarray(at));
    this.#length = this.#rest.length;
  }

  #append(bytes: Buffer): Buffer {
    const length = this.#length + bytes.length;
    if (length > this.#rest.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#rest.length));
      this.#rest.copy(larger, 0, 0, this.#length);
      this.#rest = larger;
    }
    bytes.copy(this.#rest, this.#length);
    this.#length = length;
    return this.#rest.subarray(0, length);
  }

  #decode(bytes: Buffer): Packet {
    this.#read = undefined;
    this.#problem = undefined;
    let left: number;
    try {
      left = this.#parser.parse(bytes);
    } catch (error) {
      throw new MqttProblem(`malformed packet: ${(error as Error).message}`);
    }
    // Set by the listeners, which the compiler does not see.
    const problem = this.#problem as Error | undefined;
    const packet = this.#read as Packet | undefined;
    if (problem !== undefined) {
      const isVersion = problem.message === 'Invalid protocol version';
      throw new MqttProblem(problem.message, isVersion ? connackCodes.badVersion : undefined);
    }
    if (packet === undefined || left > 0) throw new MqttProblem('malformed packet');
    check(packet);
    return packet;
  }
}

/** Bytes of the packet that begins at a place, or undefined when its length has not arrived (section 2.2.3). */
function packetSize(bytes: Buffer, at: number, most: number): number | undefined {
  let length = 0;
  for (let digit = 0; digit < 4; digit++) {
    const byte = bytes[at + 1 + digit];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** digit;
    if (length > most) throw new MqttProblem(`a packet may have ${most} bytes`);
    if (byte < 0x80) return 2 + digit + length;
  }
  throw new MqttProblem('the length of a packet has more than four bytes');
}

function check(packet: Packet): void {
  const fixed = fixedLengths[packet.cmd];
  if (fixed !== undefined && packet.length !== fixed) throw new MqttProblem(`a ${packet.cmd} of a wrong length`);
  switch (packet.cmd) {
    case 'connect':
      checkConnect(packet);
      return;
    case 'publish':
      if (packet.qos > 0) checkId(packet.messageId);
      checkText(packet.topic);
      // A view into what was read from the socket; brokers keep payloads.
      packet.payload = Buffer.from(packet.payload as Buffer);
      return;
    case 'subscribe':
      checkId(packet.messageId);
      checkSome(packet.subscriptions);
      for (const { topic } of packet.subscriptions) checkText(topic);
      return;
    case 'unsubscribe':
      checkId(packet.messageId);
      checkSome(packet.unsubscriptions);
      for (const filter of packet.unsubscriptions) checkText(filter);
      return;
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      checkId(packet.messageId);
      return;
    default:
  }
}

function checkConnect({ clientId, username, will, protocolVersion, protocolId }: IConnectPacket): void {
  if ((protocolId === 'MQIsdp') !== (protocolVersion === 3))
    throw new MqttProblem('the protocol name and level differ');
  checkText(clientId);
  if (username !== undefined) checkText(username);
  if (will === undefined) return;
  checkText(will.topic);
  if ((will.qos as number) > 2) throw new MqttProblem('the QoS of the will is 3');
  will.payload = Buffer.from(will.payload);
}

function checkId(id: number | undefined): void {
  if (id === undefined || id < 1) throw new MqttProblem('a packet identifier is missing or 0');
}

function checkSome(list: readonly unknown[]): void {
  if (list.length === 0) throw new MqttProblem('a subscribe or unsubscribe without filters');
}

/** What was no UTF-8 has become U+FFFD; as a character of its own nobody needs it. U+0000 is forbidden [MQTT-1.5.3-2]. */
function checkText(text: string): void {
  if (text.includes('\ufffd') || text.includes('\0')) throw new MqttProblem('a text is not UTF-8 or holds U+0000');
}
