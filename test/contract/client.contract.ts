/**
 * What the client (cloud/client) promises, against real clouds that come and go, in whichever subprotocol it speaks.
 */
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { type CloudClient, type CloudClientOptions, connect } from '../../cloud/client/index.node.ts';
import type { Json } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { cloudsForTests, RawClient } from '../cloud/raw-client.ts';

/** Passes everything on in both directions, until it swallows what clients send on the connections that there are. */
async function swallowingProxy(to: number) {
  const clients: Socket[] = [];
  const server = createServer((socket) => {
    const upstream = createConnection(to, '127.0.0.1');
    clients.push(socket);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    swallow: () => {
      for (const socket of clients.splice(0)) socket.unpipe().resume();
    },
    close: () => server.close(),
  };
}

export function clientContract(protocol: 'auto' | 'json'): void {
  describe(`a client that speaks ${protocol}`, () => {
    const start = cloudsForTests();
    const clients: CloudClient[] = [];
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
    });

    function client(cloud: { url: string }, options: Partial<CloudClientOptions> = {}): CloudClient {
      const created = connect({ url: cloud.url, protocol, backoffMs: { first: 5, longest: 40 }, ...options });
      clients.push(created);
      return created;
    }

    /** Resolves with the reason when `connected` is, or becomes, what is wanted. */
    function state(of: CloudClient, wanted: boolean): Promise<string | undefined> {
      return new Promise((resolve) => {
        if (of.connected === wanted) {
          resolve(undefined);
          return;
        }
        const stop = of.onState((connected, reason) => {
          if (connected !== wanted) return;
          stop();
          resolve(reason);
        });
      });
    }

    async function connected(cloud: Cloud, options: Partial<CloudClientOptions> = {}): Promise<CloudClient> {
      const created = client(cloud, options);
      await state(created, true);
      return created;
    }

    /** Messages in a list, and a promise for the n-th. */
    function inbox() {
      const messages: [topic: string, data: Json, retained: boolean][] = [];
      let wake = () => {};
      return {
        messages,
        deliver: (topic: string, data: Json, retained: boolean) => {
          messages.push([topic, data, retained]);
          wake();
        },
        async until(count: number) {
          while (messages.length < count) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          return messages;
        },
      };
    }

    describe('connect', () => {
      it('throws for an address that is none', () => {
        for (const url of ['', 'nonsense', 'ftp://127.0.0.1']) {
          expect(() => connect({ url })).toThrow(expect.objectContaining({ code: 'CLOUD_BAD_URL' }));
        }
      });

      it('says once why a cloud cannot be reached, and finds it when it starts', async () => {
        const first = await start();
        const { port, url } = first;
        await first.close();
        const waiting = client({ url });
        const states: (string | undefined)[] = [];
        waiting.onState((isConnected, reason) => states.push(isConnected ? 'connected' : reason));
        expect(await new Promise((resolve) => waiting.onState((_, reason) => resolve(reason)))).toContain(
          'ECONNREFUSED',
        );
        await start({ port });
        await state(waiting, true);
        expect(states).toEqual([expect.stringContaining('ECONNREFUSED'), 'connected']);
      });

      it('gives up when the token is refused, and says so to everything that is asked', async () => {
        const cloud = await start({ token: 'secret' });
        const errors: unknown[] = [];
        const refused = client(cloud, { token: 'wrong', onHandlerError: (error) => errors.push(error) });
        const subscribing = refused.subscribe('a', () => {});
        await expect(subscribing).rejects.toMatchObject({ code: 'CLOUD_UNAUTHORIZED' });
        await expect(refused.command('home/ball', { name: 'ping' })).rejects.toMatchObject({
          code: 'CLOUD_UNAUTHORIZED',
        });
        await expect(refused.serve(['home/ball'], async () => ({ status: 'ok', data: [] }))).rejects.toMatchObject({
          code: 'CLOUD_UNAUTHORIZED',
        });
        expect(refused.publish('a', 1)).toBe(false);
        expect(errors).toMatchObject([{ code: 'CLOUD_UNAUTHORIZED' }]);
        expect((await connected(cloud, { token: 'secret' })).connected).toBe(true);
      });
    });

    describe('a token that is a function', () => {
      it('is asked again when the cloud has refused what it gave, and ends the client when it gives that again', async () => {
        const cloud = await start({ token: 'secret' });
        const refused: unknown[] = [];
        const tokens = ['old', 'secret'];
        const token = (before?: string) => {
          refused.push(before);
          return tokens.shift() ?? 'stubborn';
        };
        const lucky = client(cloud, { token, onHandlerError: () => {} });
        await state(lucky, true);
        expect(refused).toEqual([undefined, 'old']);
        const stubborn = client(cloud, { token, onHandlerError: () => {} });
        await expect(stubborn.subscribe('a', () => {})).rejects.toMatchObject({
          code: 'CLOUD_UNAUTHORIZED',
          message: expect.stringMatching(/there is no other: get one that is in force/),
        });
        expect(refused).toEqual([undefined, 'old', undefined, 'stubborn']);
      });

      it('that fails is asked again later, and says once why', async () => {
        const cloud = await start({ token: 'secret' });
        const errors: unknown[] = [];
        let asked = 0;
        const patient = client(cloud, {
          token: () => {
            asked += 1;
            if (asked < 4) throw new Error('no token yet');
            return 'secret';
          },
          onHandlerError: (error) => errors.push(error),
        });
        await state(patient, true);
        expect(errors).toEqual([new Error('no token yet')]);
      });
    });

    describe('messages', () => {
      it('go from publisher to subscriber, with the last value first', async () => {
        const cloud = await start();
        const [publisher, subscriber] = [await connected(cloud), await connected(cloud)];
        await publisher.publishAcknowledged('home/ball/status', { online: true }, 1, { retain: true });
        const { deliver, until } = inbox();
        await subscriber.subscribe('home/#', deliver);
        expect(publisher.publish('home/ball/samples', [1.5])).toBe(true);
        expect(await until(2)).toEqual([
          ['home/ball/status', { online: true }, true],
          ['home/ball/samples', [1.5], false],
        ]);
      });

      it('reach every handler whose filter matches once, until it unsubscribes', async () => {
        const cloud = await start();
        const both = await connected(cloud);
        const [exact, again, wild] = [inbox(), inbox(), inbox()];
        const stopExact = await both.subscribe('a/b', exact.deliver);
        const stopAgain = await both.subscribe('a/b', again.deliver);
        const stopWild = await both.subscribe('a/+', wild.deliver);
        await both.publishAcknowledged('a/b', 1, 1);
        await wild.until(1);
        stopExact();
        stopExact();
        stopWild();
        await both.publishAcknowledged('a/b', 2, 2);
        await again.until(2);
        stopAgain();
        await both.publishAcknowledged('a/b', 3, 3);
        await both.ping();
        const numbers = [exact, again, wild].map(({ messages }) => messages.map(([, data]) => data));
        expect(numbers).toEqual([[1], [1, 2], [1]]);
      });

      it('that are repeated with their number are delivered once', async () => {
        const cloud = await start();
        const publisher = await connected(cloud, { publisher: 'gateway' });
        const { deliver, until, messages } = inbox();
        await publisher.subscribe('a', deliver);
        await publisher.publishAcknowledged('a', 'one', 1);
        await publisher.publishAcknowledged('a', 'one', 1);
        await publisher.publishAcknowledged('a', 'two', 2);
        await until(2);
        expect(messages.map(([, data]) => data)).toEqual(['one', 'two']);
      });

      it('keep their order when many are under way', async () => {
        const publisher = await connected(await start());
        const { deliver, until } = inbox();
        await publisher.subscribe('a', deliver);
        const numbers = Array.from({ length: 1000 }, (_, index) => index + 1);
        await Promise.all(numbers.map((number) => publisher.publishAcknowledged('a', number, number)));
        expect((await until(1000)).map(([, data]) => data)).toEqual(numbers);
      });

      it('that are wrong never leave', async () => {
        const one = await connected(await start());
        expect(() => one.publish('a/#', 1)).toThrow(expect.objectContaining({ code: 'CLOUD_BAD_TOPIC' }));
        expect(() => one.publish('$x', 1)).toThrow(expect.objectContaining({ code: 'CLOUD_BAD_TOPIC' }));
        expect(() => one.publish('a', 'ä'.repeat(33_000))).toThrow(
          expect.objectContaining({ code: 'CLOUD_TOO_LARGE' }),
        );
        await expect(one.publishAcknowledged('', 1, 1)).rejects.toMatchObject({ code: 'CLOUD_BAD_TOPIC' });
        await expect(one.subscribe('a//b', () => {})).rejects.toMatchObject({ code: 'CLOUD_BAD_FILTER' });
        await expect(one.command('ball', { name: 'ping' })).rejects.toMatchObject({ code: 'CLOUD_BAD_TOPIC' });
        await expect(one.command('a/b', { name: 'ping' }, 0)).rejects.toMatchObject({ code: 'CLOUD_BAD_TIMEOUT' });
        expect(await one.ping()).toBeGreaterThan(0);
      });

      it('beyond what may wait for an answer are refused', async () => {
        const one = await connected(await start());
        const outcomes = await Promise.allSettled(
          Array.from({ length: 1100 }, (_, index) => one.publishAcknowledged('a', 1, index + 1)),
        );
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1024);
        expect(outcomes[1099]).toMatchObject({ status: 'rejected', reason: { code: 'CLOUD_OVERLOADED' } });
      });

      it('go on when a handler throws', async () => {
        const errors: unknown[] = [];
        const one = await connected(await start(), { onHandlerError: (error) => errors.push(error) });
        const error = new Error('a broken handler');
        await one.subscribe('a', () => {
          throw error;
        });
        const { deliver, until } = inbox();
        await one.subscribe('a', deliver);
        one.publish('a', 1);
        await until(1);
        expect(errors).toEqual([error]);
      });

      it('of a subscription that the cloud refuses do not come, and the caller hears why', async () => {
        const one = await connected(await start({ limits: { subscriptions: 1 } }));
        await one.subscribe('a', () => {});
        await expect(one.subscribe('b', () => {})).rejects.toMatchObject({ code: 'CLOUD_REFUSED' });
        await one.subscribe('a', () => {});
      });
    });

    describe('commands', () => {
      it('come to who serves the probe, with their name and deadline, and the result goes back', async () => {
        const cloud = await start();
        const [gateway, designer] = [await connected(cloud), await connected(cloud)];
        const asked: unknown[] = [];
        await gateway.serve(['home/ball'], async (...question) => {
          asked.push(question);
          return { status: 'ok', data: [7], linkMs: 3 };
        });
        const result = await designer.command('home/ball', { name: 'set_color', red: 255 }, 1500);
        expect(result).toEqual({ status: 'ok', data: [7], linkMs: 3 });
        expect(asked).toEqual([
          ['home/ball', { name: 'set_color', red: 255 }, { id: expect.any(String), timeoutMs: 1500 }],
        ]);
      });

      it('fail with what happened', async () => {
        const cloud = await start();
        const errors: unknown[] = [];
        const gateway = await connected(cloud, { onHandlerError: (error) => errors.push(error) });
        const designer = await connected(cloud);
        const ping = { name: 'ping' };
        await expect(designer.command('home/ball', ping)).rejects.toMatchObject({ code: 'CLOUD_NO_PROBE' });
        await gateway.serve(['home/ball'], () => new Promise(() => {}));
        await expect(designer.command('home/ball', ping, 20)).rejects.toMatchObject({ code: 'CLOUD_TIMEOUT' });
        await gateway.serve(['home/ball'], async () => {
          throw new Error('a broken gateway');
        });
        expect(await designer.command('home/ball', ping)).toMatchObject({ status: 'unknown', data: [] });
        expect(errors).toHaveLength(1);
        await gateway.serve(['home/ball'], () => new Promise(() => {}));
        const lost = expect(designer.command('home/ball', ping)).rejects.toMatchObject({ code: 'CLOUD_CLOSED' });
        await designer.close();
        await lost;
      });
    });

    describe('a cloud that restarts on its port', () => {
      it('is found again: subscriptions and served probes are back, and lost requests are told', async () => {
        const first = await start();
        const { port } = first;
        const [gateway, designer] = [await connected(first), await connected(first)];
        expect(gateway.subprotocol).toBe(protocol === 'json' ? 'earl.v1.json' : 'earl.v1');
        const { deliver, until } = inbox();
        await designer.subscribe('home/#', deliver);
        await gateway.serve(['home/ball'], async (_, { name }) =>
          name === 'hang' ? new Promise(() => {}) : { status: 'ok', data: [] },
        );
        const hanging = designer.command('home/ball', { name: 'hang' });
        const outcome = expect(hanging).rejects.toMatchObject({ code: 'CLOUD_DISCONNECTED' });
        // The command is at the gateway when the next one, sent after it, has been answered.
        await designer.command('home/ball', { name: 'ping' });
        const gone = [state(gateway, false), state(designer, false)];
        await first.close();
        expect(await gone[0]).toContain('shutting down');
        await Promise.all([...gone, outcome]);
        expect(gateway.publish('elsewhere', 0)).toBe(true);
        await expect(gateway.publishAcknowledged('a', 1, 1)).rejects.toMatchObject({ code: 'CLOUD_DISCONNECTED' });
        const later = designer.subscribe('work/#', deliver);

        await start({ port });
        await Promise.all([state(gateway, true), state(designer, true)]);
        await later;
        // `later` was asked after the other subscription was asked again, so both are in force.
        await gateway.publishAcknowledged('home/ball/samples', 1, 1);
        await gateway.publishAcknowledged('work/ball/samples', 2, 2);
        expect((await until(2)).map(([, data]) => data)).toEqual([1, 2]);
        await expect
          .poll(() => designer.command('home/ball', { name: 'ping' }).catch(() => undefined))
          .toMatchObject({
            status: 'ok',
          });
      });

      it('ten times in a row loses neither the client nor its subscription', async () => {
        let cloud = await start();
        const { port } = cloud;
        const subscriber = await connected(cloud);
        const { deliver, until } = inbox();
        await subscriber.subscribe('a', deliver);
        for (let round = 1; round <= 10; round++) {
          await cloud.close();
          cloud = await start({ port });
          await state(subscriber, true);
          await subscriber.subscribe(`fence/${round}`, () => {});
          subscriber.publish('a', round);
          await until(round);
        }
        expect((await until(10)).map(([, data]) => data)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      });
    });

    describe('a server that misbehaves', () => {
      /** A WebSocket server that welcomes and then does what the test says. */
      async function misbehaving(afterHello: (send: (text: string | Buffer) => void, connection: number) => void) {
        const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
        await new Promise((resolve) => server.once('listening', resolve));
        let connections = 0;
        server.on('connection', (socket) => {
          connections += 1;
          const connection = connections;
          socket.on('error', () => {});
          socket.once('message', () => {
            socket.send('{"op":"welcome","server":"x","session":"x","maxMessageBytes":65536}');
            afterHello((text) => socket.send(text), connection);
          });
        });
        const { port } = server.address() as { port: number };
        return {
          url: `ws://127.0.0.1:${port}`,
          close: () => {
            for (const socket of server.clients) socket.terminate();
            server.close();
          },
        };
      }

      it.each(['not json', '{"op":"message"}', Buffer.from([1, 2, 3])])(
        'by sending %s is left, and tried again',
        async (text) => {
          const server = await misbehaving((send, connection) => {
            if (connection === 1) send(text);
          });
          const one = client(server);
          const states: unknown[] = [];
          one.onState((isConnected, reason) => states.push(isConnected || reason));
          while (states.length < 3) await new Promise<unknown>((resolve) => one.onState(resolve));
          expect(states).toEqual([true, expect.stringMatching(/bad message|binary/), true]);
          server.close();
        },
      );

      it('by falling silent is left, and tried again', async () => {
        const server = await misbehaving(() => {});
        const one = client(server, { keepaliveMs: 20 });
        await state(one, true);
        const asking = one.ping();
        await expect(asking).rejects.toMatchObject({ code: 'CLOUD_DISCONNECTED' });
        await state(one, true);
        server.close();
      });
    });

    it('a connection that takes nothing any more is left, although messages still come', async () => {
      const cloud = await start();
      const proxy = await swallowingProxy(cloud.port);
      const one = client({ url: `ws://127.0.0.1:${proxy.port}` }, { keepaliveMs: 150, pongMs: 150 });
      const other = await connected(cloud);
      await state(one, true);
      const { deliver, messages } = inbox();
      await one.subscribe('a', deliver);
      proxy.swallow();
      const flood = setInterval(() => other.publish('a', 1), 5);
      const asking = one.publishAcknowledged('b', 'arrives by the next connection');
      expect(await state(one, false)).toBe('the server does not answer');
      expect(messages.length).toBeGreaterThan(5);
      await asking;
      clearInterval(flood);
      await one.close();
      proxy.close();
    });

    describe('close', () => {
      it('rejects what waits, once and for all, and frees the connection', async () => {
        const cloud = await start();
        const one = client(cloud);
        const waiting = expect(one.subscribe('a', () => {})).rejects.toMatchObject({ code: 'CLOUD_CLOSED' });
        await one.close();
        await one.close();
        await waiting;
        await expect(one.ping()).rejects.toMatchObject({ code: 'CLOUD_CLOSED' });
        const two = await connected(cloud);
        await two.close();
        expect(two.connected).toBe(false);
        const raw = await RawClient.join(cloud);
        expect(await raw.received()).toEqual([]);
      });
    });
  });
}
