/**
 * The thesis' clients, byte for byte: what its load script sent (JSON.stringify of literal objects in this order) and
 * what its subscribers read.
 */
import { describe, expect, it } from 'vitest';
import { cloudsForTests, offset, RawClient } from './raw-client.ts';

const start = cloudsForTests();
const echo = { subprotocols: 'echo-protocol' };

/** A subscriber whose subscriptions are in force: it has heard itself. */
async function subscribed(cloud: Parameters<typeof RawClient.open>[0], ...subjects: string[]): Promise<RawClient> {
  const client = await RawClient.open(cloud, echo);
  client.socket.send(JSON.stringify({ type: 'client', object: [...subjects, 'fence'] }));
  client.socket.send('{"type":"publisher","object":"fence","published":0}');
  expect(await client.nextText()).toBe('{"channel":"fence","message":0}');
  return client;
}

describe('echo-protocol', () => {
  it('is agreed in the handshake', async () => {
    const client = await RawClient.open(await start(), echo);
    expect(client.socket.protocol).toBe('echo-protocol');
  });

  it('carries a publication to the subscribers of its subject, in literal bytes', async () => {
    const cloud = await start();
    const subscriber = await RawClient.open(cloud, echo);
    subscriber.socket.send('{"type":"client","object":["subject1"]}');
    subscriber.socket.send('{"type":"publisher","object":"subject1","published":1376118068325}');
    expect(await subscriber.nextText()).toBe('{"channel":"subject1","message":1376118068325}');
    const publisher = await RawClient.open(cloud, echo);
    publisher.socket.send('{"type":"publisher","object":"subject2","published":1}');
    publisher.socket.send('{"type":"publisher","object":"subject1","published":2}');
    expect(await subscriber.nextText()).toBe('{"channel":"subject1","message":2}');
  });

  it('takes the field `subject` too, as the thesis prints it in section 2.5.1.1', async () => {
    const cloud = await start();
    const subscriber = await subscribed(cloud, 'subject00001');
    subscriber.socket.send('{"type":"publisher","subject":"subject00001","published":1376118068325}');
    expect(await subscriber.nextText()).toBe('{"channel":"subject00001","message":1376118068325}');
  });

  it('carries Activity Streams and other JSON as it is', async () => {
    const cloud = await start();
    const subscriber = await subscribed(cloud, 'a');
    const activity =
      '{"actor":{"objectType":"sensor","id":"1376118068325"},"verb":"post","object":{"value":25,"unit":"C"}}';
    subscriber.socket.send(`{"type":"publisher","object":"a","published":${activity}}`);
    expect(await subscriber.nextText()).toBe(`{"channel":"a","message":${activity}}`);
  });

  it('delivers once to a client that subscribes twice', async () => {
    const cloud = await start();
    const client = await subscribed(cloud, 'a', 'a');
    client.socket.send('{"type":"client","object":["a"]}');
    client.socket.send('{"type":"publisher","object":"a","published":1}');
    client.socket.send('{"type":"publisher","object":"fence","published":2}');
    expect(await client.nextText()).toBe('{"channel":"a","message":1}');
    expect(await client.nextText()).toBe('{"channel":"fence","message":2}');
  });

  it('and earl.v1.json hear each other', async () => {
    const cloud = await start();
    const old = await subscribed(cloud, 'home/ball/samples');
    const earl = await RawClient.join(cloud);
    await earl.ask({ op: 'subscribe', id: 1, filter: 'subject1' });
    old.socket.send('{"type":"publisher","object":"subject1","published":7}');
    expect(await earl.next()).toEqual({ op: 'message', topic: 'subject1', offset, data: 7 });
    earl.say({ op: 'publish', topic: 'home/ball/samples', data: [{ n: 'temp', v: 1 }] });
    expect(await old.nextText()).toBe('{"channel":"home/ball/samples","message":[{"n":"temp","v":1}]}');
  });

  it.each([
    ['not json', /not JSON/],
    ['[]', /not a JSON object/],
    ['{}', /"type" must be/],
    ['{"type":"client","object":"subject1"}', /must be an array/],
    ['{"type":"client","object":[1]}', /must be a string/],
    ['{"type":"client","object":["a/#"]}', /wildcards/],
    ['{"type":"client","object":["$serve/a/b/c"]}', /must not begin with \$/],
    ['{"type":"publisher","object":"$reply/x","published":1}', /must not begin with \$/],
    ['{"type":"publisher","object":"","published":1}', /must not be empty/],
    ['{"type":"publisher","published":1}', /must be a string/],
    ['{"type":"publisher","object":"a"}', /"published" is missing/],
    [`{"type":"publisher","object":"a","published":${'['.repeat(40)}${']'.repeat(40)}}`, /deeper/],
  ])('ends with 4000 and the reason after %.50s', async (text, reason) => {
    const client = await RawClient.open(await start(), echo);
    client.socket.send(text);
    expect(await client.closed).toEqual({ code: 4000, reason: expect.stringMatching(reason) });
  });

  it('ends with 4000 after a binary message or too many subjects', async () => {
    const cloud = await start({ limits: { subscriptions: 2 } });
    const binary = await RawClient.open(cloud, echo);
    binary.socket.send(Buffer.from('{}'));
    expect((await binary.closed).code).toBe(4000);
    const greedy = await RawClient.open(cloud, echo);
    greedy.socket.send('{"type":"client","object":["a","b","c"]}');
    expect((await greedy.closed).code).toBe(4000);
  });
});
