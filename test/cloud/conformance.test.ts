/** `earl.v1.json` over real sockets, message by message (docs/protocol.md). */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { cloudsForTests, health, offset, position, RawClient } from './raw-client.ts';

const start = cloudsForTests();

describe('hello', () => {
  it('is answered with who the server is', async () => {
    const client = await RawClient.open(await start({ serverName: 'earl/9.9.9' }));
    expect(await client.ask({ op: 'hello' })).toEqual({
      op: 'welcome',
      server: 'earl/9.9.9',
      session: expect.stringMatching(/^[0-9a-f]{16}-1$/),
      maxMessageBytes: 65536,
    });
  });

  it('must come first', async () => {
    const client = await RawClient.open(await start());
    expect(await client.ask({ op: 'subscribe', id: 4, filter: '#' })).toEqual({
      op: 'error',
      id: 4,
      code: 100,
      message: 'the first message must be hello',
    });
    expect(await client.closed).toEqual({ code: 4000, reason: 'the first message must be hello' });
  });

  it('must come in time', async () => {
    const client = await RawClient.open(await start({ limits: { helloTimeoutMs: 20 } }));
    expect((await client.closed).code).toBe(4000);
  });

  it('comes once', async () => {
    const client = await RawClient.join(await start());
    expect(await client.ask({ op: 'hello' })).toMatchObject({ op: 'error', code: 100 });
    expect(await client.ask({ op: 'ping', id: 1 })).toEqual({ op: 'pong', id: 1 });
  });
});

describe('subscribe and publish', () => {
  it('delivers to subscribers only, and acknowledges what has an id', async () => {
    const cloud = await start();
    const [publisher, subscriber, other] = await Promise.all([0, 1, 2].map(() => RawClient.join(cloud)));
    expect(await subscriber!.ask({ op: 'subscribe', id: 1, filter: 'home/+/samples' })).toEqual({
      op: 'ok',
      id: 1,
      position,
    });
    expect(await other!.ask({ op: 'subscribe', id: 1, filter: 'work/#' })).toEqual({ op: 'ok', id: 1, position });
    const data = [{ bn: 'urn:dev:earl:0000000000000001:', bt: 1.7953e9, n: 'temp', u: 'Cel', v: 23.1 }];
    publisher!.say({ op: 'publish', topic: 'home/light/samples', data });
    expect(await publisher!.ask({ op: 'publish', topic: 'home/ball/samples', data: 'ä', id: 7 })).toEqual({
      op: 'ok',
      id: 7,
    });
    expect(await subscriber!.received()).toEqual([
      { op: 'message', topic: 'home/light/samples', offset, data },
      { op: 'message', topic: 'home/ball/samples', offset, data: 'ä' },
    ]);
    expect(await other!.received()).toEqual([]);
    expect(await publisher!.received()).toEqual([]);
  });

  it('delivers a message once, however many filters match', async () => {
    const client = await RawClient.join(await start());
    for (const [id, filter] of ['a/b', 'a/+', '#', 'a/b'].entries()) {
      expect(await client.ask({ op: 'subscribe', id, filter })).toEqual({ op: 'ok', id, position });
    }
    client.say({ op: 'publish', topic: 'a/b', data: 1 });
    client.say({ op: 'publish', topic: 'a/b', data: 1 });
    const message = { op: 'message', topic: 'a/b', offset, data: 1 };
    expect(await client.received()).toEqual([message, message]);
  });

  it('sends the last value before ok, and again when asked again', async () => {
    const cloud = await start();
    const client = await RawClient.join(cloud);
    expect(await client.ask({ op: 'publish', topic: 'a/b', data: 1, id: 1, retain: true })).toMatchObject({ op: 'ok' });
    for (const id of [2, 3]) {
      const last = { op: 'message', topic: 'a/b', offset, data: 1, retained: true };
      expect(await client.ask({ op: 'subscribe', id, filter: 'a/b' })).toEqual(last);
      expect(await client.next()).toEqual({ op: 'ok', id, position });
    }
    client.say({ op: 'publish', topic: 'a/b', data: null, retain: true });
    expect(await client.received()).toEqual([{ op: 'message', topic: 'a/b', offset, data: null }]);
    const late = await RawClient.join(cloud);
    expect(await late.ask({ op: 'subscribe', id: 1, filter: 'a/b' })).toEqual({ op: 'ok', id: 1, position });
  });

  it('stops after unsubscribe', async () => {
    const client = await RawClient.join(await start());
    await client.ask({ op: 'subscribe', id: 1, filter: 'a' });
    expect(await client.ask({ op: 'unsubscribe', id: 2, filter: 'a' })).toEqual({ op: 'ok', id: 2 });
    expect(await client.ask({ op: 'unsubscribe', id: 3, filter: 'a' })).toEqual({ op: 'ok', id: 3 });
    client.say({ op: 'publish', topic: 'a', data: 1 });
    expect(await client.received()).toEqual([]);
  });

  it('keeps subscribe and unsubscribe in order when they are sent at once', async () => {
    const client = await RawClient.join(await start());
    client.say({ op: 'subscribe', id: 1, filter: 'a' });
    client.say({ op: 'unsubscribe', id: 2, filter: 'a' });
    client.say({ op: 'subscribe', id: 3, filter: 'b' });
    client.say({ op: 'publish', topic: 'a', data: 1 });
    client.say({ op: 'publish', topic: 'b', data: 2 });
    const received = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(received.filter(({ op }) => op === 'message')).toEqual([{ op: 'message', topic: 'b', offset, data: 2 }]);
    expect(received.filter(({ op }) => op === 'ok')).toHaveLength(3);
  });

  it('delivers a repeated publish once and acknowledges it again, also from a new connection', async () => {
    const cloud = await start();
    const subscriber = await RawClient.join(cloud);
    await subscriber.ask({ op: 'subscribe', id: 1, filter: '#' });
    const publish = (client: RawClient, id: number, seq: number) =>
      client.ask({ op: 'publish', topic: 'a', data: seq, id, seq });
    const first = await RawClient.join(cloud, { publisher: 'gateway' });
    expect(await publish(first, 1, 1)).toEqual({ op: 'ok', id: 1 });
    expect(await publish(first, 2, 2)).toEqual({ op: 'ok', id: 2 });
    await first.end();
    const second = await RawClient.join(cloud, { publisher: 'gateway' });
    expect(await publish(second, 1, 2)).toEqual({ op: 'ok', id: 1 });
    expect(await publish(second, 2, 3)).toEqual({ op: 'ok', id: 2 });
    expect((await subscriber.received()).map(({ data }) => data)).toEqual([1, 2, 3]);
  });
});

describe('bad requests', () => {
  it.each([
    [{ op: 'subscribe', id: 1, filter: '#/a' }, 102],
    [{ op: 'subscribe', id: 1, filter: '$serve/#' }, 102],
    [{ op: 'publish', id: 1, topic: 'a/#', data: 1 }, 101],
    [{ op: 'publish', id: 1, topic: '$reply/x', data: 1 }, 101],
    [{ op: 'publish', id: 1, topic: 'a', data: 1, seq: 1 }, 100],
    [{ op: 'serve', id: 1, probes: ['$call/x'] }, 101],
    [{ op: 'command', id: 1, probe: 'home/nobody', command: { name: 'ping' } }, 200],
    [{ op: 'shout', id: 1 }, 100],
  ])('%j is answered with error %i, and the connection goes on', async (request, code) => {
    const client = await RawClient.join(await start());
    expect(await client.ask(request)).toEqual({ op: 'error', id: 1, code, message: expect.any(String) });
    expect(await client.ask({ op: 'ping', id: 2 })).toEqual({ op: 'pong', id: 2 });
  });

  it("does not show the server's own topics to a filter of wildcards", async () => {
    const cloud = await start();
    const client = await RawClient.join(cloud);
    for (const [id, filter] of ['#', '+/#', '+/+', '+/+/+/+'].entries())
      await client.ask({ op: 'subscribe', id, filter });
    await client.ask({ op: 'serve', id: 9, probes: ['home/ball'] });
    expect((await health(cloud)).status).toBe('ok');
    expect(await client.received()).toEqual([]);
  });

  it('the tenth ends the connection', async () => {
    const client = await RawClient.join(await start());
    for (let count = 0; count < 10; count++) client.socket.send('not json');
    expect((await client.closed).code).toBe(4000);
    for (let count = 0; count < 10; count++) expect(await client.next()).toMatchObject({ op: 'error', code: 100 });
  });

  it('binary messages are refused', async () => {
    const client = await RawClient.join(await start());
    client.socket.send(Buffer.from('{"op":"ping","id":1}'));
    expect(await client.next()).toEqual({ op: 'error', code: 100, message: 'messages must be text, not binary' });
  });

  it('a message over the limit closes with 1009', async () => {
    const cloud = await start();
    const client = await RawClient.join(cloud);
    const fits = JSON.stringify({ op: 'publish', topic: 'a', data: '', id: 1 });
    client.socket.send(fits.replace('""', `"${'x'.repeat(65536 - fits.length)}"`));
    expect(await client.next()).toEqual({ op: 'ok', id: 1 });
    client.socket.send(fits.replace('""', `"${'x'.repeat(65537 - fits.length)}"`));
    expect((await client.closed).code).toBe(1009);
  });

  it('bytes that are no UTF-8 close with 1007', async () => {
    const client = await RawClient.join(await start());
    client.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    expect((await client.closed).code).toBe(1007);
  });

  it('more subscriptions than allowed are refused', async () => {
    const client = await RawClient.join(await start({ limits: { subscriptions: 2 } }));
    await client.ask({ op: 'subscribe', id: 1, filter: 'a' });
    await client.ask({ op: 'subscribe', id: 2, filter: 'b' });
    expect(await client.ask({ op: 'subscribe', id: 3, filter: 'c' })).toMatchObject({ op: 'error', id: 3, code: 104 });
    expect(await client.ask({ op: 'subscribe', id: 4, filter: 'b' })).toEqual({ op: 'ok', id: 4, position });
    await client.ask({ op: 'unsubscribe', id: 5, filter: 'a' });
    expect(await client.ask({ op: 'subscribe', id: 6, filter: 'c' })).toEqual({ op: 'ok', id: 6, position });
  });
});

describe('the end', () => {
  it('tells clients to come back when the cloud closes', async () => {
    const cloud = await start();
    const client = await RawClient.join(cloud);
    await Promise.all([cloud.close(), cloud.close()]);
    expect(await client.closed).toEqual({ code: 4101, reason: 'the cloud is shutting down' });
    await expect(fetch(`${cloud.url}/health`)).rejects.toThrow();
  });

  it('closes a client that does not answer pings', async () => {
    const client = await RawClient.open(await start({ limits: { keepaliveMs: 30 } }), { autoPong: false });
    client.say({ op: 'hello' });
    expect(await client.closed).toEqual({ code: 4102, reason: 'no answer to a ping' });
  });

  it('keeps a silent client that answers pings', async () => {
    const client = await RawClient.join(await start({ limits: { keepaliveMs: 100 } }));
    for (let pings = 0; pings < 3; pings++) await once(client.socket, 'ping');
    expect(await client.received()).toEqual([]);
  });
});
