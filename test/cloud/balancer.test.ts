/** Two servers behind the real HAProxy and nginx, with what `earl balancer` writes: who gets whom, and what is seen. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { haproxyConfiguration, nginxConfiguration, planTopology } from '../../cloud/balancer/index.ts';
import { LocalBroker } from '../../cloud/broker/index.ts';
import { type Cloud, type CloudOptions, defaultServerLimits } from '../../cloud/server/index.ts';
import { Balancer, type BalancerTestWishes, hostPort, programs } from './balancers.ts';
import { mosquittoPub, mosquittoSub, mqttJs } from './mqtt-peers.ts';
import { cloudsForTests, health, RawClient } from './raw-client.ts';

const startCloud = cloudsForTests();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Two servers that share a broker, behind a balancer; `behind` is where clients connect. */
async function startTwo(program: 'haproxy' | 'nginx', options: CloudOptions = {}, wishes: BalancerTestWishes = {}) {
  const broker = new LocalBroker();
  cleanups.push(() => broker.close());
  const clouds = await Promise.all([startCloud({ broker, ...options }), startCloud({ broker, ...options })]);
  const mqttServers = clouds.map(({ mqttPort }) => `127.0.0.1:${mqttPort}`);
  const balancer = await Balancer.start(program, clouds.map(hostPort), {
    ...(options.mqttPort === undefined ? {} : { mqttServers }),
    ...wishes,
  });
  cleanups.push(() => balancer.remove());
  const behind = { url: balancer.url, port: balancer.port } as Cloud;
  const connections = () => Promise.all(clouds.map(async (cloud) => (await health(cloud)).connectionsNow));
  return { clouds, balancer, behind, connections };
}

const patience = { timeout: 10_000, interval: 20 };
/** nginx speaks TCP by a module that Debian packs separately (libnginx-mod-stream). */
const hasStream = existsSync('/usr/lib/nginx/modules/ngx_stream_module.so');

describe.each(programs)('%s', (program) => {
  const speaksMqtt = program === 'haproxy' || hasStream;

  it('gives each new client the server with the fewest, and everyone hears everyone', async () => {
    const { behind, connections } = await startTwo(program);
    const clients = [await RawClient.join(behind), await RawClient.join(behind)];
    expect(await connections()).toEqual([1, 1]);
    await clients[0]!.ask({ op: 'subscribe', id: 1, filter: 'home/#' });
    await clients[1]!.ask({ op: 'publish', id: 1, topic: 'home/a', data: 1 });
    expect(await clients[0]!.next()).toMatchObject({ op: 'message', topic: 'home/a', data: 1 });
  });

  it('sends nobody to a server that drains, and lets those stay that it has', async () => {
    const { clouds, behind, connections, balancer } = await startTwo(program);
    const early = [await RawClient.join(behind), await RawClient.join(behind)];
    const draining = clouds[0]!.drain(60_000);
    // At once: what the server refuses goes to the other one, health checks or not.
    const late = [await RawClient.join(behind), await RawClient.join(behind)];
    expect(await connections()).toEqual([1, 3]);
    if (program === 'haproxy') {
      await expect.poll(() => balancer.status(), patience).toMatchObject({ s1: 'DOWN', s2: 'UP' });
    }
    for (const client of [...early, ...late])
      expect(await client.ask({ op: 'ping', id: 9 })).toEqual({ op: 'pong', id: 9 });
    await clouds[0]!.close();
    await draining;
  });

  it('gives a server that is back its share at once', async () => {
    const { clouds, behind, balancer } = await startTwo(program);
    const { port } = clouds[0]!;
    await clouds[0]!.close();
    const early = [await RawClient.join(behind), await RawClient.join(behind)];
    expect(clouds[1]!.connections).toBe(early.length);
    const again = await startCloud({ port });
    if (program === 'haproxy') await expect.poll(() => balancer.status(), patience).toMatchObject({ s1: 'UP' });
    for (let index = 0; index < 4; index++) await RawClient.join(behind);
    expect([again.connections, clouds[1]!.connections]).toEqual([3, 3]);
  });

  it('passes Host on, so that pages of the cloud may connect and others may not', async () => {
    const { behind } = await startTwo(program);
    const own = await RawClient.open(behind, { headers: { Origin: behind.url } });
    own.socket.close();
    expect(await refusal(behind.url, { Origin: 'http://evil.example' })).toBe(403);
    expect(await refusal(behind.url, { Host: 'evil.example', Origin: 'http://evil.example' })).toBe(403);
  });

  it('shows a cloud without a token that a client comes from elsewhere, whatever it adds', async () => {
    const { behind } = await startTwo(program);
    expect(await refusal(behind.url, { 'X-Forwarded-For': '192.0.2.7' })).toBe(403);
    expect(await refusal(behind.url, { 'X-Forwarded-For': '127.0.0.1' })).toBe('open');
    const { behind: withToken } = await startTwo(program, { token: 'secret' });
    const headers = { 'X-Forwarded-For': '192.0.2.7', Authorization: 'Bearer secret' };
    expect(await refusal(withToken.url, headers)).toBe('open');
  });

  it('ends slow senders of headers, and tunnels in which not even a ping comes', async () => {
    // nginx moves a timer only when that makes a difference of 300 ms.
    const times = { headersTimeoutMs: 300, keepaliveMs: 200 };
    const { behind } = await startTwo(program, {}, { times });
    const slow = connect(behind.port, '127.0.0.1');
    slow.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow:');
    slow.resume();
    const silent = await RawClient.join(behind);
    await Promise.all([once(slow, 'close'), silent.closed]);
    const { behind: lively } = await startTwo(program, { limits: { keepaliveMs: 100 } }, { times });
    const quiet = await RawClient.join(lively);
    for (let pings = 0; pings < 8; pings++) await once(quiet.socket, 'ping');
    expect(await quiet.ask({ op: 'ping', id: 1 })).toEqual({ op: 'pong', id: 1 });
  });

  it('logs no token, not even when no server answers', async () => {
    const { clouds, behind, balancer } = await startTwo(program, { token: 'secret' });
    const client = await RawClient.open(behind, { path: '/?token=secret' });
    client.socket.close();
    await client.closed;
    await Promise.all(clouds.map((cloud) => cloud.close()));
    expect(await refusal(behind.url, {}, '/?token=secret')).toBeGreaterThan(499);
    const log = () =>
      balancer.text + (program === 'nginx' ? readFileSync(join(balancer.folder, 'access.log'), 'utf8') : '');
    await expect.poll(log, patience).toMatch(/ 50[234] /);
    expect(log()).toMatch(/GET "?\//);
    expect(log()).not.toContain('secret');
  });

  it('terminates TLS for WebSockets and MQTT', async () => {
    const { balancer } = await startTwo(program, speaksMqtt ? { mqttPort: 0 } : {}, { tls: true });
    const ca = readFileSync(balancer.certificate);
    const url = `https://localhost:${balancer.port}`;
    const socket = new WebSocket(url.replace('http', 'ws'), 'earl.v1.json', { ca, headers: { Origin: url } });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.terminate();
    if (!speaksMqtt) return;
    const secure = ['-h', '127.0.0.1', '--cafile', balancer.certificate];
    const subscriber = await mosquittoSub(balancer.mqttPort!, ...secure, '-t', 'a');
    await mosquittoPub(balancer.mqttPort!, ...secure, '-t', 'a', '-m', 'safe', '-q', '1');
    expect(await subscriber.next()).toBe('a 0 0 safe');
  });

  it.skipIf(!speaksMqtt)('sends clients of MQTT by TCP to the server that does not drain', async () => {
    const { clouds, balancer, connections } = await startTwo(program, { mqttPort: 0 });
    const url = `mqtt://127.0.0.1:${balancer.mqttPort}`;
    const early = [await mqttJs(url), await mqttJs(url)];
    expect(await connections()).toEqual([1, 1]);
    const draining = clouds[1]!.drain(60_000);
    const late = [await mqttJs(url), await mqttJs(url)];
    expect(await connections()).toEqual([3, 1]);
    if (program === 'haproxy') {
      await expect.poll(() => balancer.status(), patience).toMatchObject({ m1: /^UP/, m2: /^DOWN/ });
    }
    for (const { client } of [...early, ...late]) await client.publishAsync('a', 'x', { qos: 1 });
    await clouds[1]!.close();
    await draining;
  });
});

describe('what is written for Debian is accepted', () => {
  const servers = ['127.0.0.1:8081', '127.0.0.1:8082'];
  const mqtt = { mqttListen: '1883', mqttServers: ['127.0.0.1:1884', '127.0.0.1:1885'] };
  const isRoot = process.getuid?.() === 0;

  it('by haproxy -c', async () => {
    const { balancer } = await startTwo('haproxy', {}, { tls: true });
    const stats = join(balancer.folder, 'admin.sock');
    const wishes = {
      servers,
      ...mqtt,
      tlsCert: join(balancer.folder, 'both.pem'),
      stats,
      listen: '*:8443',
      tokens: true,
    };
    const text = haproxyConfiguration(planTopology(wishes, defaultServerLimits));
    const file = join(balancer.folder, 'debian.conf');
    writeFileSync(file, text);
    const { stdout, stderr, status } = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
    expect([stdout + stderr, status]).toEqual(['Configuration file is valid\n', 0]);
  });

  // Its log and process files are root's.
  it.skipIf(!isRoot)('by nginx -t', async () => {
    const { balancer } = await startTwo('nginx', {}, { tls: true });
    const tls = { tlsCert: balancer.certificate, tlsKey: join(balancer.folder, 'key.pem') };
    const wishes = {
      servers,
      ...(hasStream ? mqtt : {}),
      ...tls,
      stats: '127.0.0.1:8404',
      listen: '*:8443',
      tokens: true,
    };
    const file = join(balancer.folder, 'debian.conf');
    writeFileSync(file, nginxConfiguration(planTopology(wishes, defaultServerLimits)));
    const { stderr, status } = spawnSync('nginx', ['-t', '-c', file], { encoding: 'utf8' });
    expect(stderr).toMatch(/syntax is ok/);
    expect(status).toBe(0);
  });
});

/** The status of a refused handshake, or `open`. */
function refusal(url: string, headers: Record<string, string>, path = '/'): Promise<number | 'open'> {
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
    'Sec-WebSocket-Protocol': 'earl.v1.json',
  };
  return new Promise((resolve, reject) => {
    const request = get(url + path, { headers: { ...upgrade, ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    request.once('upgrade', (_, socket) => {
      socket.destroy();
      resolve('open');
    });
    request.once('error', reject);
  });
}
