/** Peers that speak MQTT: Debian's mosquitto programs, MQTT.js, bytes on a socket. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type IClientOptions, type MqttClient, connect as mqttConnect } from 'mqtt';
import { generate } from 'mqtt-packet';
import { afterEach } from 'vitest';

const clients: MqttClient[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true).catch(() => {})));
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

export async function mosquittoPub(port: number, ...args: string[]): Promise<void> {
  await promisify(execFile)('mosquitto_pub', ['-p', String(port), ...args]);
}

/** A `mosquitto_sub` that has been granted its subscription; its messages as `topic qos retain payload`. */
export async function mosquittoSub(
  port: number,
  ...args: string[]
): Promise<{ next(): Promise<string>; kill(): void }> {
  const format = ['-d', '-F', '> %t %q %r %p'];
  const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', '-p', String(port), ...format, ...args]);
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const messages: string[] = [];
  const isMessage = (line: string) => line.startsWith('> ') && messages.push(line.slice(2)) > 0;
  const line = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('mosquitto_sub has ended');
    return String(value);
  };
  for (let text = await line(); !text.startsWith('Subscribed'); text = await line()) isMessage(text);
  return {
    next: async () => {
      while (messages.length === 0) isMessage(await line());
      return messages.shift()!;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly retain: boolean;
  /** It came with DUP. */
  readonly isRepeated?: true;
}

export interface MqttPeer {
  readonly client: MqttClient;
  readonly sessionPresent: boolean;
  readonly closed: Promise<void>;
  next(): Promise<Heard>;
  /** What has come until a message on a topic of its own has made the round. */
  heard(): Promise<Heard[]>;
}

/** A client of MQTT.js that does not reconnect. */
export async function mqttJs(url: string, options: IClientOptions = {}): Promise<MqttPeer> {
  const heard: Heard[] = [];
  let wake = () => {};
  const client = mqttConnect(url, { ...options, reconnectPeriod: 0 });
  clients.push(client);
  client.on('error', () => {});
  client.on('message', (topic, payload, { qos, retain, dup }) => {
    heard.push({ topic, text: payload.toString(), qos, retain, ...(dup ? { isRepeated: true } : {}) });
    wake();
  });
  const sessionPresent = await new Promise<boolean>((resolve, reject) => {
    client.once('connect', (connack) => resolve(connack.sessionPresent));
    client.once('error', reject);
  });
  const next = async () => {
    while (heard.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return heard.shift()!;
  };
  return {
    client,
    sessionPresent,
    closed: new Promise<void>((resolve) => client.once('close', () => resolve())),
    next,
    heard: async () => {
      await client.subscribeAsync('fence', { qos: 1 });
      await client.publishAsync('fence', '', { qos: 1 });
      const all: Heard[] = [];
      for (let one = await next(); one.topic !== 'fence'; one = await next()) all.push(one);
      await client.unsubscribeAsync('fence');
      return all;
    },
  };
}

export const hello: Buffer = generate({ cmd: 'connect', clientId: 'raw', clean: true, keepalive: 0 });
const pingreq = Buffer.from('c000', 'hex');

/**
 * What a broker answers to bytes, as packets in hex: until it closes, or has answered a PINGREQ after them and another
 * one after that, so that what it works on for a moment has come as well.
 */
export async function answerTo(port: number, bytes: Buffer, ping = true): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => {});
  socket.write(ping ? Buffer.concat([bytes, pingreq]) : bytes);
  let rest = '';
  let pings = 0;
  const answers: string[] = [];
  socket.on('data', (chunk: Buffer) => {
    rest += chunk.toString('hex');
    for (let size = sizeOf(rest); rest.length >= size; size = sizeOf(rest)) {
      const packet = rest.slice(0, size);
      rest = rest.slice(size);
      if (packet !== 'd000') answers.push(packet);
      else if (++pings === 1) socket.write(pingreq);
      else socket.end();
    }
  });
  await closed;
  return [...answers, pings > 1 ? 'open' : 'closed'].join(' ');
}

/** Hex digits of the packet that a text begins with; no answer here is longer than 127 bytes. */
function sizeOf(hex: string): number {
  return hex.length < 4 ? Number.POSITIVE_INFINITY : 4 + 2 * Number.parseInt(hex.slice(2, 4), 16);
}

/** A mosquitto broker, the oracle; its port. */
export async function realBroker(): Promise<{ port: number; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'earl-mosquitto-'));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'upgrade_outgoing_qos true'];
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, [...lines, 'allow_duplicate_messages false', ''].join('\n'));
  const child = spawn('mosquitto', ['-c', file, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface(child.stderr)) if (/ running$/.test(line)) break;
  child.stderr.resume();
  return {
    port,
    stop: async () => {
      child.kill();
      await once(child, 'close');
      await rm(folder, { recursive: true });
    },
  };
}
