/** Who may connect: subprotocols, origins, host names, tokens, and how many. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Cloud } from '../../cloud/server/index.ts';
import { cloudsForTests, RawClient, type RawOptions } from './raw-client.ts';

const start = cloudsForTests();

/** The status and text with which a handshake is refused. */
async function refusal(cloud: Cloud, options: RawOptions = {}): Promise<{ status: number; text: string }> {
  const { subprotocols = 'earl.v1.json', headers = {}, path = '/' } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${cloud.port}${path}`, subprotocols, { headers });
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, text };
}

describe('subprotocols', () => {
  it('are needed', async () => {
    const cloud = await start();
    const expected = { status: 400, text: expect.stringMatching(/earl\.v1, earl\.v1\.json, echo-protocol, mqtt/) };
    expect(await refusal(cloud, { subprotocols: [] })).toEqual(expected);
    expect(await refusal(cloud, { subprotocols: ['amqp'] })).toEqual(expected);
    expect((await fetch(`${cloud.url}/health`)).status).toBe(200);
  });

  it('are chosen in the order of the client', async () => {
    const client = await RawClient.open(await start(), { subprotocols: ['amqp', 'echo-protocol', 'earl.v1.json'] });
    expect(client.socket.protocol).toBe('echo-protocol');
  });
});

describe('the handshake', () => {
  it('is at / only', async () => {
    const cloud = await start();
    expect((await refusal(cloud, { path: '/elsewhere' })).status).toBe(404);
    expect((await refusal(cloud, { path: '//' })).status).toBe(404);
    expect((await RawClient.open(cloud, { path: '/?any=1' })).socket.protocol).toBe('earl.v1.json');
  });

  it('does not agree on compression', async () => {
    const client = await RawClient.open(await start());
    expect(client.socket.extensions).toBe('');
  });

  it('is refused with 503 beyond the limit of connections', async () => {
    const cloud = await start({ limits: { connections: 1 } });
    const client = await RawClient.open(cloud);
    expect((await refusal(cloud)).status).toBe(503);
    await client.end();
    await RawClient.open(cloud);
  });

  it('that is no HTTP gets an answer and an end, and the cloud goes on', async () => {
    const cloud = await start();
    const socket = connectTcp(cloud.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: smoke-signals\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    await once(socket, 'close');
    await RawClient.join(cloud);
  });
});

describe('origins', () => {
  it('none and the own one are let in', async () => {
    const cloud = await start();
    for (const host of ['127.0.0.1', 'localhost']) {
      const headers = { Host: `${host}:${cloud.port}`, Origin: `http://${host}:${cloud.port}` };
      await RawClient.open(cloud, { headers });
    }
  });

  it('others are refused', async () => {
    const cloud = await start();
    for (const origin of ['http://evil.example', `http://127.0.0.1:${cloud.port + 1}`, 'null', 'file://', 'http://']) {
      expect((await refusal(cloud, { headers: { Origin: origin } })).status, origin).toBe(403);
    }
  });

  it('allowed ones are let in, nothing that merely looks like one', async () => {
    const cloud = await start({ allowedOrigins: ['https://Lab.example/'] });
    await RawClient.open(cloud, { headers: { Origin: 'https://lab.example' } });
    for (const origin of ['http://lab.example', 'https://lab.example.evil.example', 'https://lab.example:444']) {
      expect((await refusal(cloud, { headers: { Origin: origin } })).status, origin).toBe(403);
    }
    const open = await start({ allowedOrigins: ['*'] });
    await RawClient.open(open, { headers: { Origin: 'http://evil.example', Host: 'evil.example' } });
  });

  it('with a foreign name that resolves to loopback are refused, as long as there is no token', async () => {
    const headers = { Host: 'evil.example', Origin: 'http://evil.example' };
    expect((await refusal(await start(), { headers })).status).toBe(403);
    await RawClient.open(await start({ token: 'secret' }), { headers });
    const behindProxy = await start({ allowedOrigins: ['https://lab.example'] });
    await RawClient.open(behindProxy, { headers: { Host: 'lab.example', Origin: 'https://lab.example' } });
  });
});

describe('tokens', () => {
  it('are made up for addresses that others can reach, and needed there', async () => {
    const cloud = await start({ host: '0.0.0.0' });
    expect(cloud.token).toMatch(/^[\w-]{32}$/);
    expect(cloud.url).toBe(`http://127.0.0.1:${cloud.port}`);
    const client = await RawClient.open(cloud);
    expect(await client.ask({ op: 'hello' })).toMatchObject({ op: 'error', code: 110 });
    expect((await client.closed).code).toBe(4001);
    await RawClient.join(cloud, { token: cloud.token! });
    expect((await start()).token).toBeUndefined();
  });

  it('that are wrong in hello close with 4001', async () => {
    const client = await RawClient.open(await start({ token: 'secret' }));
    client.say({ op: 'hello', token: 'Secret' });
    expect((await client.closed).code).toBe(4001);
  });

  it('may be shown in the handshake, in a header or in the address', async () => {
    const cloud = await start({ token: 'se cret' });
    const inPath = await RawClient.open(cloud, { path: '/?token=se%20cret' });
    expect(await inPath.ask({ op: 'hello' })).toMatchObject({ op: 'welcome' });
    const plain = await start({ token: 'secret' });
    const inHeader = await RawClient.open(plain, { headers: { Authorization: 'Bearer secret' } });
    expect(await inHeader.ask({ op: 'hello' })).toMatchObject({ op: 'welcome' });
    expect(await refusal(plain, { path: '/?token=wrong' })).toEqual({ status: 401, text: 'the token is wrong\n' });
  });

  it('are needed in the handshake of thesis clients, who cannot say hello', async () => {
    const cloud = await start({ token: 'secret' });
    expect((await refusal(cloud, { subprotocols: 'echo-protocol' })).status).toBe(401);
    await RawClient.open(cloud, { subprotocols: 'echo-protocol', path: '/?token=secret' });
  });
});
