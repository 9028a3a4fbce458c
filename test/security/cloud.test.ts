/** Attackers who try to get into a cloud with keys, or out of what their token allows. */
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '../../cloud/client/index.node.ts';
import { closeCodes, errorCodes, type Json, topicRecord } from '../../cloud/protocol/index.ts';
import type { Cloud, CloudOptions } from '../../cloud/server/index.ts';
import { cloudsForTests, offset, position, RawClient, type RawOptions } from '../cloud/raw-client.ts';
import { forged, home, KeyFolder } from './cloud-keys.ts';

const start = cloudsForTests();
let keys: KeyFolder;
let lines: string[];
beforeEach(() => {
  keys = new KeyFolder();
  keys.put('a');
  lines = [];
});
afterEach(() => keys.remove());

const startWithKeys = ({ limits, ...options }: CloudOptions = {}) =>
  start({ keys: keys.path, log: (line) => lines.push(line), ...options, limits: { fileCheckMs: 20, ...limits } });

/** How hello with this token ends. */
async function hello(cloud: Cloud, token: string | undefined) {
  const client = await RawClient.open(cloud);
  client.say({ op: 'hello', ...(token === undefined ? {} : { token }) });
  const said = await client.next();
  if (said.op === 'welcome') return { client, code: 0, message: 'welcome' };
  return { client, code: (await client.closed).code, message: String(said.message) };
}

/** The status with which a handshake is refused. */
async function refusal(cloud: Cloud, { path = '/', headers = {}, subprotocols = 'earl.v1.json' }: RawOptions) {
  const socket = new WebSocket(`ws://127.0.0.1:${cloud.port}${path}`, subprotocols, { headers });
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text };
}

const join = async (cloud: Cloud, token: string, publisher?: string) =>
  RawClient.join(cloud, { token, ...(publisher ? { publisher } : {}) });

describe('without a good token nobody gets in', () => {
  const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
  const claims = () => ({ sub: 'x', exp: inAnHour(), earl: home });
  const header = { alg: 'HS256', kid: 'a' };

  it.each<[name: string, make: () => string | undefined | Promise<string>, code: number, says: RegExp]>([
    ['no token', () => undefined, 4001, /a token is needed/],
    ['an empty one', () => '', 4001, /wrong/],
    ['garbage', () => 'eyJ.eyJ.x', 4001, /wrong/],
    ['expired', () => keys.token(home, { inMs: -1000 }), 4002, /expired/],
    ['not yet valid', () => keys.token(home, { notBeforeInMs: 60_000 }), 4001, /not valid yet/],
    ['the wrong key', () => forged(header, claims(), 'x'.repeat(32)), 4001, /signature/],
    ['expired and the wrong key', () => forged(header, { ...claims(), exp: 1 }, 'x'.repeat(32)), 4001, /signature/],
    ['no signature', () => forged(header, claims()), 4001, /signature/],
    ['alg none', () => forged({ alg: 'none', kid: 'a' }, claims()), 4001, /algorithm/],
    ['alg NONE with the key', () => forged({ alg: 'NONE', kid: 'a' }, claims(), keys.secret('a')), 4001, /algorithm/],
    ['alg of another kind', () => forged({ alg: 'EdDSA', kid: 'a' }, claims(), keys.secret('a')), 4001, /algorithm/],
    ['an unknown key id', () => forged({ alg: 'HS256', kid: 'b' }, claims(), keys.secret('a')), 4001, /not know/],
    ['no key id', () => forged({ alg: 'HS256' }, claims(), keys.secret('a')), 4001, /not know/],
    ['a path as key id', () => forged({ alg: 'HS256', kid: '../a' }, claims(), keys.secret('a')), 4001, /not know/],
    ['__proto__ as key id', () => forged({ alg: 'HS256', kid: '__proto__' }, claims(), ''), 4001, /not know/],
    ['its own key', () => forged({ ...header, jwk: { kty: 'oct', k: 'eHg' } }, claims(), 'xx'), 4001, /signature/],
    ['a critical extension', () => forged({ ...header, crit: ['x'], x: 1 }, claims(), keys.secret('a')), 4001, /wrong/],
    ['no expiry', () => forged(header, { sub: 'x', earl: home }, keys.secret('a')), 4001, /"exp"/],
    ['no subject', () => forged(header, { exp: inAnHour(), earl: home }, keys.secret('a')), 4001, /"sub"/],
    ['nothing allowed', () => forged(header, { sub: 'x', exp: inAnHour() }, keys.secret('a')), 4001, /"earl"/],
    [
      'a filter that cannot be',
      () => forged(header, { ...claims(), earl: { publish: ['a/#/b'] } }, keys.secret('a')),
      4001,
      /to publish/,
    ],
    [
      'the cloud’s own topics',
      () => forged(header, { ...claims(), earl: { subscribe: ['$call/#'] } }, keys.secret('a')),
      4001,
      /begin with \$/,
    ],
  ])('%s', async (_name, make, code, says) => {
    const cloud = await startWithKeys();
    const token = await make();
    const ended = await hello(cloud, token);
    expect({ code: ended.code, message: ended.message }).toEqual({ code, message: expect.stringMatching(says) });
    if (!token) return;
    const headers = { Authorization: `Bearer ${token}` };
    expect(await refusal(cloud, { headers })).toEqual({ status: 401, text: expect.stringMatching(says) });
    const tail = token.slice(-20);
    expect(`${ended.message}${lines.join()}${(await ended.client.closed).reason}`).not.toContain(tail);
  });

  it('what is said before hello, and after a refused one, is not done', async () => {
    const cloud = await startWithKeys();
    const witness = await join(cloud, await keys.token(home));
    await witness.ask({ op: 'subscribe', id: 1, filter: 'home/#' });
    const early = await RawClient.open(cloud);
    early.say({ op: 'publish', topic: 'home/1/x', data: 1 });
    expect((await early.closed).code).toBe(4000);
    const late = await RawClient.open(cloud);
    late.say({ op: 'hello', token: forged({ alg: 'HS256', kid: 'a' }, { sub: 'x' }, 'y'.repeat(32)) });
    late.say({ op: 'publish', topic: 'home/1/x', data: 2 });
    expect((await late.closed).code).toBe(4001);
    expect(await witness.received()).toEqual([]);
  });

  it('a good one may be followed at once: what comes while it is checked is done in order', async () => {
    const client = await RawClient.open(await startWithKeys());
    client.say({ op: 'hello', token: await keys.token(home) });
    client.say({ op: 'subscribe', id: 1, filter: 'home/a' });
    client.say({ op: 'publish', id: 2, topic: 'home/a', data: 'x' });
    expect(await client.next()).toMatchObject({ op: 'welcome' });
    const said = await client.received();
    expect(said).toHaveLength(3);
    expect(said).toContainEqual({ op: 'ok', id: 1, position });
    expect(said).toContainEqual({ op: 'message', topic: 'home/a', offset, data: 'x' });
  });
});

describe('a token for a site', () => {
  it.each(['#', '+/x', '+/#', '+', '+/+/samples', 'work/#', 'work/1/samples', 'home2/#', 'Home/#', 'homе/1'])(
    'does not subscribe to %s',
    async (filter) => {
      const cloud = await startWithKeys();
      const owner = await join(cloud, await keys.token({ publish: ['#'] }));
      for (const topic of ['work/1/samples', 'home2', 'x/x', 'work']) {
        await owner.ask({ op: 'publish', id: 1, topic, data: 'secret', retain: true });
      }
      const client = await join(cloud, await keys.token(home));
      const since = ((await client.ask({ op: 'subscribe', id: 1, filter: 'home/#' })) as { position: Json }).position;
      const refused = { op: 'error', id: 2, code: errorCodes.forbidden, message: expect.stringContaining('not allow') };
      expect(await client.ask({ op: 'subscribe', id: 2, filter })).toEqual(refused);
      expect(await client.ask({ op: 'subscribe', id: 2, filters: ['home/1', filter] })).toEqual(refused);
      expect(await client.ask({ op: 'subscribe', id: 2, filter, since: { ...(since as object), offset: 0 } })).toEqual(
        refused,
      );
      for (const topic of ['work/1/samples', 'x/x']) await owner.ask({ op: 'publish', id: 1, topic, data: 'secret' });
      expect(await client.received()).toEqual([]);
    },
  );

  it.each(['$serve/home/1/x', '$call/x', '$health/x', '$SYS/#'])('nor to the cloud’s own %s', async (filter) => {
    const client = await join(await startWithKeys(), await keys.token({ subscribe: ['#'], publish: ['#'] }));
    expect(await client.ask({ op: 'subscribe', id: 1, filter })).toMatchObject({ code: errorCodes.badFilter });
    if (!filter.includes('#')) {
      expect(await client.ask({ op: 'publish', id: 1, topic: filter, data: 1 })).toMatchObject({ code: 101 });
    }
  });

  it.each([
    'work/1/samples',
    'home',
    'home/../work/1',
    'home//x',
    '/home/x',
    'home/1/',
    'home/1/+',
    'home/#',
    'home/\u0000',
    'home/1\nwork/1',
    'home/1\u2028',
    ' home/1',
    '"},{"topic":"work/1',
  ])('publishes to %j only where it says so, as text and in records', async (topic) => {
    const cloud = await startWithKeys();
    const witness = await join(cloud, await keys.token({ subscribe: ['#'] }));
    await witness.ask({ op: 'subscribe', id: 1, filter: '#' });
    const token = await keys.token({ publish: ['home/+/#'] });
    const text = await join(cloud, token);
    const answer = await text.ask({ op: 'publish', id: 1, topic, data: 1 });
    const binary = await RawClient.open(cloud, { subprotocols: 'earl.v1' });
    binary.say({ op: 'hello', token });
    await binary.next();
    const error = binary.nextText();
    binary.socket.send(Buffer.concat([topicRecord(1, topic), Buffer.from('020100', 'hex')]));
    const heard = async () => (await witness.received()).map((message) => message.topic);
    // A dot is no way up and a line separator no end: these are ordinary, odd names inside of home.
    if (topic.startsWith('home/') && answer.op === 'ok') {
      expect(['home/../work/1', 'home/1\u2028']).toContain(topic);
      binary.say({ op: 'ping', id: 1 });
      await error;
      expect(await heard()).toEqual([topic, topic]);
      return;
    }
    expect(answer).toMatchObject({ op: 'error', id: 1, code: expect.toBeOneOf([101, 111]) });
    expect(await error).toMatch(/"code":101|^..o.the token does not allow to publish/s);
    expect(await heard()).toEqual([]);
  });

  it('cannot break out by what it publishes', async () => {
    const cloud = await startWithKeys();
    const listener = await join(cloud, await keys.token(home));
    await listener.ask({ op: 'subscribe', id: 1, filter: 'home/#' });
    const publisher = await join(cloud, await keys.token(home));
    const payloads = [
      '"},{"op":"message","topic":"work/1","data":"x"}',
      { op: 'message', topic: 'work/1/x', offset: 1, data: 1 },
      '\u0000\u2028\r\n</script>',
      { __proto__: null, constructor: { prototype: 1 } },
    ] as Json[];
    for (const data of payloads) publisher.say({ op: 'publish', topic: 'home/1/x', data });
    for (const data of payloads) {
      expect(await listener.next()).toEqual({ op: 'message', topic: 'home/1/x', offset, data });
    }
  });

  it('cannot use up the sequence numbers of another subject’s publisher', async () => {
    const cloud = await startWithKeys();
    const thief = await join(cloud, await keys.token(home, { subject: 'thief' }), 'gateway-1');
    await thief.ask({ op: 'publish', id: 1, seq: 1_000_000, topic: 'home/x', data: 1 });
    const listener = await join(cloud, await keys.token({ subscribe: ['work/#'] }));
    await listener.ask({ op: 'subscribe', id: 1, filter: 'work/#' });
    const gateway = await join(cloud, await keys.token({ publish: ['work/#'] }, { subject: 'g' }), 'gateway-1');
    expect(await gateway.ask({ op: 'publish', id: 1, seq: 1, topic: 'work/1', data: 'mine' })).toMatchObject({
      op: 'ok',
    });
    expect(await listener.next()).toMatchObject({ topic: 'work/1', data: 'mine' });
  });

  it('neither commands nor serves another’s probe, nor answers for it', async () => {
    const cloud = await startWithKeys();
    const gateway = await join(cloud, await keys.token({ serve: ['work/+'] }));
    expect(await gateway.ask({ op: 'serve', id: 1, probes: ['work/1'] })).toEqual({ op: 'ok', id: 1 });
    const thief = await join(cloud, await keys.token(home));
    const command = { op: 'command', id: 2, probe: 'work/1', command: { name: 'ping' }, timeoutMs: 60_000 };
    expect(await thief.ask(command)).toMatchObject({ op: 'error', id: 2, code: errorCodes.forbidden });
    expect(await thief.ask({ op: 'serve', id: 3, probes: ['home/1', 'work/1'] })).toMatchObject({ code: 111 });
    const owner = await join(cloud, await keys.token({ command: ['work/+'] }));
    owner.say(command);
    const { call } = (await gateway.next()) as { call: string };
    thief.say({ op: 'reply', call, result: { status: 'ok', data: [6, 6, 6] } });
    expect(await thief.received()).toEqual([]);
    gateway.say({ op: 'reply', call, result: { status: 'ok', data: [1] } });
    expect(await owner.next()).toEqual({ op: 'reply', id: 2, result: { status: 'ok', data: [1] } });
  });

  it('binds thesis clients as well', async () => {
    const cloud = await startWithKeys();
    const token = await keys.token(home);
    for (const message of [
      { type: 'client', object: ['work/1'] },
      { type: 'publisher', object: 'work/1', published: 1 },
    ]) {
      const client = await RawClient.open(cloud, { subprotocols: 'echo-protocol', path: `/?token=${token}` });
      client.say(message);
      expect(await client.closed).toEqual({ code: 4000, reason: expect.stringContaining('not allow') });
    }
    expect((await refusal(cloud, { subprotocols: 'echo-protocol' })).status).toBe(401);
    const expired = await keys.token(home, { inMs: -1000 });
    expect((await refusal(cloud, { subprotocols: 'echo-protocol', path: `/?token=${expired}` })).status).toBe(401);
  });
});

describe('expiry and refresh', () => {
  it('the client is warned, and closed with 4002', async () => {
    const cloud = await startWithKeys();
    const client = await join(cloud, await keys.token(home, { inMs: 2000 }));
    expect(await client.next()).toEqual({ op: 'expiring', inMs: expect.any(Number) });
    expect(await client.closed).toEqual({ code: closeCodes.tokenExpired, reason: 'the token has expired' });
  });

  it('a refresh in place goes on, once the old token has expired too', async () => {
    const cloud = await startWithKeys();
    const client = await join(cloud, await keys.token(home, { inMs: 2000 }));
    await client.ask({ op: 'subscribe', id: 1, filter: 'home/#' });
    const ending = await join(cloud, await keys.token(home, { inMs: 2000, subject: 'other' }));
    const said = [await client.ask({ op: 'refresh', id: 2, token: await keys.token(home) }), await client.next()];
    expect(said).toContainEqual({ op: 'ok', id: 2 });
    expect((await ending.closed).code).toBe(4002);
    client.say({ op: 'publish', topic: 'home/1', data: 1 });
    expect(await client.received()).toContainEqual({ op: 'message', topic: 'home/1', offset, data: 1 });
  });

  it('a refresh that is wider, of another subject, expired or forged changes nothing', async () => {
    const cloud = await startWithKeys();
    const client = await join(cloud, await keys.token(home));
    const tokens = [
      await keys.token({ ...home, publish: ['#'] }),
      await keys.token({ ...home, subscribe: ['home/#', 'work/#'] }),
      await keys.token(home, { subject: 'somebody' }),
      await keys.token(home, { inMs: -1000 }),
      forged({ alg: 'none', kid: 'a' }, { sub: 'tester', exp: 9e9, earl: home }),
    ];
    for (const [id, token] of tokens.entries()) {
      expect(await client.ask({ op: 'refresh', id, token })).toMatchObject({ op: 'error', id, code: 110 });
    }
    expect(await client.ask({ op: 'subscribe', id: 9, filter: 'work/#' })).toMatchObject({ code: 111 });
    expect(await client.ask({ op: 'subscribe', id: 9, filter: 'home/#' })).toMatchObject({ op: 'ok' });
    for (let id = 0; id < 5; id++) client.say({ op: 'refresh', id, token: tokens[4]! });
    expect((await client.closed).code).toBe(4000);
  });

  it('a narrower one takes away what it does not allow: subscriptions, numbers of topics, probes', async () => {
    const cloud = await startWithKeys({ limits: { willDelayMs: 1 } });
    const client = await RawClient.open(cloud, { subprotocols: 'earl.v1' });
    const both = { publish: ['home/#', 'work/#'], subscribe: ['home/#', 'work/#'], serve: ['home/+', 'work/+'] };
    client.say({ op: 'hello', token: await keys.token(both) });
    await client.next();
    await client.ask({ op: 'subscribe', id: 1, filters: ['home/#', 'work/#'] });
    await client.ask({ op: 'serve', id: 2, probes: ['home/1', 'work/1'] });
    client.socket.send(Buffer.concat([topicRecord(1, 'work/1'), topicRecord(2, 'home/1')]));
    const will = ['home/1/x', 'work/1/x'].map((topic) => ({ topic, data: 'will' }));
    expect(await client.ask({ op: 'will', id: 9, messages: will })).toEqual({ op: 'ok', id: 9 });
    const narrower = await keys.token({ publish: ['home/#'], subscribe: ['home/#'], serve: ['home/+'] });
    expect(await client.ask({ op: 'refresh', id: 3, token: narrower })).toEqual({ op: 'ok', id: 3 });
    client.socket.send(Buffer.from('020100', 'hex'));
    // Record `refused`, no seq, code 111.
    expect(await client.nextText()).toMatch(/^..o.the token does not allow to publish to work\/1/s);
    const owner = await join(cloud, await keys.token({ publish: ['#'], command: ['#'] }));
    const command = (probe: string) => ({ op: 'command', id: 4, probe, command: { name: 'x' }, timeoutMs: 500 });
    expect(await owner.ask(command('work/1'))).toMatchObject({ code: errorCodes.noSuchProbe });
    for (const topic of ['work/1/x', 'home/1/x']) await owner.ask({ op: 'publish', id: 5, topic, data: 1 });
    client.say({ op: 'ping', id: 6 });
    let heard = '';
    while (!heard.includes('pong')) heard += await client.nextText();
    expect(heard).toContain('home/1/x');
    expect(heard).not.toContain('work/1/x');
    const heir = await join(cloud, await keys.token({ subscribe: ['#'] }));
    await heir.ask({ op: 'subscribe', id: 7, filter: '#' });
    client.socket.terminate();
    expect(await heir.next()).toMatchObject({ topic: 'home/1/x', data: 'will' });
    expect(await heir.received()).toEqual([]);
  });

  it('Earl’s client asks for a token when one expires, and again when it has', async () => {
    const cloud = await startWithKeys();
    let asked = 0;
    const client = connect({
      url: cloud.url,
      token: () => keys.token(home, { inMs: asked++ === 0 ? 2000 : 3_600_000 }),
    });
    await client.subscribe('home/#', () => {});
    await expect.poll(() => asked).toBe(2);
    const witness = await join(cloud, await keys.token(home, { inMs: 2000 }));
    expect((await witness.closed).code).toBe(4002);
    expect(client.connected).toBe(true);
    await client.close();
  });
});

describe('rotation', () => {
  it('a new key is taken beside the old one; without the old one its tokens and connections end', async () => {
    const cloud = await startWithKeys();
    const old = await join(cloud, await keys.token(home));
    keys.put('b');
    const token = await keys.token(home, { key: 'b' });
    await expect.poll(() => lines.join()).toContain('2 keys in use');
    const renewed = await join(cloud, await keys.token(home));
    expect(await renewed.ask({ op: 'refresh', id: 1, token })).toEqual({ op: 'ok', id: 1 });
    const stale = await keys.token(home);
    keys.drop('a');
    expect(await old.closed).toEqual({ code: 4001, reason: expect.stringContaining('withdrawn') });
    expect(await hello(cloud, stale)).toMatchObject({ code: 4001, message: expect.stringContaining('not know') });
    expect(await renewed.ask({ op: 'ping', id: 2 })).toEqual({ op: 'pong', id: 2 });
  });

  it('another secret under the same id is another key; a damaged file changes nothing', async () => {
    const cloud = await startWithKeys();
    const client = await join(cloud, await keys.token(home));
    writeFileSync(
      keys.file('c'),
      `{"kty":"oct","kid":"c","alg":"HS256","k":"${keys.secret('a').toString('base64url')}`,
    );
    await expect.poll(() => lines.join()).toContain('stay as they were');
    expect(lines.join()).not.toContain(keys.secret('a').toString('base64url').slice(0, 12));
    expect(await client.ask({ op: 'ping', id: 2 })).toEqual({ op: 'pong', id: 2 });
    keys.drop('c');
    keys.put('a');
    expect((await client.closed).code).toBe(4001);
  });

  it('a key that others may read, or that is too short, is refused at the start', async () => {
    chmodSync(keys.file('a'), 0o644);
    await expect(startWithKeys()).rejects.toMatchObject({ code: 'KEYS_PERMISSION' });
    keys.drop('a');
    keys.put('short', Buffer.from('short'));
    await expect(startWithKeys()).rejects.toMatchObject({ code: 'KEYS_BAD', message: /at least 32 bytes/ });
    keys.drop('short');
    await expect(startWithKeys()).rejects.toMatchObject({ code: 'KEYS_BAD', message: /earl token key/ });
  });
});

describe('beyond tokens', () => {
  it('a page of elsewhere is refused even with a good token', async () => {
    const cloud = await startWithKeys();
    const headers = { Origin: 'http://evil.example', Authorization: `Bearer ${await keys.token(home)}` };
    expect((await refusal(cloud, { headers })).status).toBe(403);
  });

  it('a token in the address is in no log line, whatever goes wrong', async () => {
    const cloud = await startWithKeys({ webRoot: '/dev/null/none' });
    const token = await keys.token(home);
    await RawClient.open(cloud, { path: `/?token=${token}` });
    await refusal(cloud, { path: `/?token=${token.slice(0, -3)}xyz` });
    await refusal(cloud, { path: `/x?token=${token}` });
    for (const path of ['/', '/%00', '/health']) await fetch(`${cloud.url}${path}?token=${token}`).catch(() => {});
    keys.put('b');
    await expect.poll(() => lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toContain(token.slice(0, 12));
  });

  it('the plain token and signed ones are taken side by side', async () => {
    const cloud = await startWithKeys({ token: 'plain' });
    expect(await hello(cloud, 'plain')).toMatchObject({ code: 0 });
    expect(await hello(cloud, await keys.token(home))).toMatchObject({ code: 0 });
    expect(await hello(cloud, 'plane')).toMatchObject({ code: 4001 });
  });
});
