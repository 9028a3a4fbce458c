/** A WebSocket client that does exactly what a test says, and a cloud on a free port to talk to. */

import { once } from 'node:events';
import { afterEach, expect } from 'vitest';
import { WebSocket } from 'ws';
import type { Json } from '../../cloud/protocol/index.ts';
import { type Cloud, type CloudOptions, startCloud } from '../../cloud/server/index.ts';

/** Any place and any offset, where a test does not care. */
export const offset: unknown = expect.any(Number);
export const position: unknown = { epoch: expect.any(String), offset };

export interface RawOptions {
  readonly subprotocols?: string | string[];
  readonly headers?: Record<string, string>;
  readonly path?: string;
  /** Whether the client answers pings; it does by default. */
  readonly autoPong?: boolean;
}

type Received = { [key: string]: Json };

export class RawClient {
  readonly socket: WebSocket;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #texts: string[] = [];
  #wake = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('message', (data) => {
      this.#texts.push(data.toString());
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
  }

  /** Connects without a word. */
  static async open(cloud: Cloud, options: RawOptions = {}): Promise<RawClient> {
    const url = `ws://127.0.0.1:${cloud.port}${options.path ?? '/'}`;
    const { subprotocols = 'earl.v1.json', headers = {}, autoPong = true } = options;
    const socket = new WebSocket(url, subprotocols, { headers, autoPong });
    const client = new RawClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Connects and says hello. */
  static async join(cloud: Cloud, hello: { [field: string]: Json } = {}, options: RawOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(cloud, options);
    client.say({ op: 'hello', ...hello });
    const welcome = await client.next();
    if (welcome.op !== 'welcome') throw new Error(`no welcome but ${JSON.stringify(welcome)}`);
    return client;
  }

  say(message: Json): void {
    this.socket.send(JSON.stringify(message));
  }

  async nextText(): Promise<string> {
    while (this.#texts.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the connection has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#texts.shift()!;
  }

  async next(): Promise<Received> {
    return JSON.parse(await this.nextText()) as Received;
  }

  async ask(message: Json): Promise<Received> {
    this.say(message);
    return this.next();
  }

  /** What has come until the server answers a ping: what it sent before, and nothing else. */
  async received(): Promise<Received[]> {
    this.say({ op: 'ping', id: 999_999 });
    const messages: Received[] = [];
    for (;;) {
      const message = await this.next();
      if (message.op === 'pong' && message.id === 999_999) return messages;
      messages.push(message);
    }
  }

  async end(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

/** Starts clouds on free ports and closes them after each test. */
export function cloudsForTests(): (options?: CloudOptions) => Promise<Cloud> {
  const clouds: Cloud[] = [];
  afterEach(async () => {
    await Promise.all(clouds.splice(0).map((cloud) => cloud.close()));
  });
  return async (options = {}) => {
    const cloud = await startCloud({ port: 0, ...options, limits: { closeGraceMs: 200, ...options.limits } });
    clouds.push(cloud);
    return cloud;
  };
}

/** What /health says. */
export async function health(
  cloud: Cloud,
): Promise<{ status: string; connectionsNow: number; sinceStart: Record<string, number> }> {
  const response = await fetch(`${cloud.url}/health`);
  return (await response.json()) as { status: string; connectionsNow: number; sinceStart: Record<string, number> };
}
