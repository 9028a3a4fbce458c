/** Engines that hang, are not the ones to ask, want a password or TLS, or take too little. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { type Broker, openBackplane, publishJson } from '../../cloud/broker/index.ts';
import { NatsBroker } from '../../cloud/broker/nats.ts';
import { RedisBroker } from '../../cloud/broker/redis.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { Engine } from './engines.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(starting: Promise<Engine>): Promise<Engine> {
  const engine = await starting;
  cleanups.push(() => engine.remove());
  return engine;
}

async function opened<Opened extends Broker>(opening: Promise<Opened>): Promise<Opened> {
  const broker = await opening;
  cleanups.push(() => broker.close());
  return broker;
}

/** What a topic brings, and a promise of a value. */
async function heard(broker: Broker, topic: string) {
  const values: unknown[] = [];
  let onValue = () => {};
  await broker.subscribe(topic, ({ data }) => {
    values.push(data);
    onValue();
  });
  const until = (value: unknown) =>
    new Promise<void>((resolve) => {
      onValue = () => {
        if (values.includes(value)) resolve();
      };
      onValue();
    });
  return { values, until };
}

const connecting = {
  Redis: {
    start: () => Engine.redis('--appendfsync', 'no'),
    connect: (url: string, log: (line: string) => void) =>
      RedisBroker.connect({ url, log, waitingBytes: 5_000, answerTimeoutMs: 200 }),
  },
  NATS: {
    start: () => Engine.nats(),
    connect: (url: string, log: (line: string) => void) => NatsBroker.connect({ url, log, waitingBytes: 5_000 }),
  },
};

const engines: [
  name: string,
  { start(): Promise<Engine>; connect(url: string, log: (line: string) => void): Promise<Broker> },
][] = Object.entries(connecting);

describe.each(engines)('%s that hangs', (_, { start, connect }) => {
  it('keeps publishers waiting or refuses them, blocks nobody else, and says 503', async () => {
    const engine = await started(start());
    const broker = await opened(connect(engine.url, () => {}));
    const cloud = await startCloud({ port: 0, broker, limits: { canaryTimeoutMs: 400 } });
    cleanups.push(() => cloud.close());
    const health = async () => (await fetch(`${cloud.url}/health`)).status;
    const { values, until } = await heard(broker, 'a');
    await publishJson(broker, 'a', 0);
    await until(0);
    expect(await health()).toBe(200);
    engine.hang(true);
    cleanups.push(() => engine.hang(false));
    // Answered while everything else waits: the event loop is free.
    expect(await health()).toBe(503);
    const publishing = Array.from({ length: 10 }, (_, index) =>
      broker.publish('a', Buffer.from(`${index + 1}${' '.repeat(1_000)}`))!.then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      ),
    );
    engine.hang(false);
    const outcomes = await Promise.all(publishing);
    const accepted = outcomes.filter((outcome) => outcome === 'accepted').length;
    expect(accepted).toBe(4);
    expect(outcomes.slice(accepted)).toEqual(Array.from({ length: 6 }, () => 'BROKER_OVERLOADED'));
    await publishJson(broker, 'a', 'after');
    await until('after');
    expect(values).toEqual([0, 1, 2, 3, 4, 'after']);
    expect(await health()).toBe(200);
  }, 20_000);
});

it('waits for a Redis that became a replica, and refuses to begin with one', async () => {
  const engine = await started(Engine.redis('--appendfsync', 'no'));
  const redis = new Redis(engine.port, '127.0.0.1');
  cleanups.push(() => redis.disconnect());
  const lines: string[] = [];
  const broker = await opened(RedisBroker.connect({ url: engine.url, log: (line) => lines.push(line) }));
  const { values, until } = await heard(broker, 'a');
  await publishJson(broker, 'a', 1);
  await redis.replicaof('127.0.0.1', 1);
  const waiting = publishJson(broker, 'a', 2);
  const refused = { code: 'BACKPLANE_UNREACHABLE', message: expect.stringContaining('READONLY') };
  await expect(RedisBroker.connect({ url: engine.url })).rejects.toMatchObject(refused);
  await redis.replicaof('NO', 'ONE');
  await waiting;
  await until(2);
  expect(values).toEqual([1, 2]);
  expect(lines.join('\n')).toMatch(/READONLY/);
}, 20_000);

it('says what each way of writing to disk is worth', async () => {
  const said = async (...settings: string[]) => {
    const engine = await started(Engine.redis(...settings));
    const lines: string[] = [];
    await opened(RedisBroker.connect({ url: engine.url, log: (line) => lines.push(line) }));
    return lines.join('\n');
  };
  expect(await said()).toBe('');
  expect(await said('--appendfsync', 'everysec')).toMatch(
    /last two seconds may be lost when Redis or its machine crashes/,
  );
  expect(await said('--appendonly', 'no')).toMatch(/no append-only file: what was acknowledged is lost when it ends/);
  expect(await said('--maxmemory-policy', 'allkeys-lru')).toMatch(/allkeys-lru.*noeviction/);
  const secret = ['--user', ...'earl on >pass-of-earl ~* &* +@all -config'.split(' ')];
  const engine = await started(Engine.redis(...secret));
  const lines: string[] = [];
  const url = engine.url.replace('//', '//earl:pass-of-earl@');
  await opened(RedisBroker.connect({ url, log: (line) => lines.push(line) }));
  expect(lines.join()).toMatch(/does not let this user ask/);
});

/** A certificate for 127.0.0.1, and its key. */
function certificate(): { cert: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'earl-engine-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=engine', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const out = ['-keyout', files.key, '-out', files.cert];
  execFileSync('openssl', ['req', '-x509', ...ec, ...subject, ...out], { stdio: 'pipe' });
  return files;
}

it.each(['redis', 'nats'] as const)(
  'speaks TLS to %s and tells nobody its password',
  async (kind) => {
    const { cert, key } = certificate();
    const engine = await started(kind === 'redis' ? redisWithTls(cert, key) : natsWithTls(cert, key));
    const safe = kind === 'redis' ? engine.url.replace('redis:', 'rediss:') : engine.url.replace('nats:', 'tls:');
    const url = safe.replace('//', '//earl:pass-of-earl@');
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const broker = await opened(openBackplane(`${url}?ca=${encodeURIComponent(cert)}`, { log }));
    const { until } = await heard(broker, 'a');
    await publishJson(broker, 'a', 1);
    await until(1);
    const problems: unknown[] = [
      await openBackplane(url, { log }).catch((error: unknown) => error),
      await openBackplane(`${url.replace('earl@', 'wrong@')}?ca=${cert}`, { log }).catch((error: unknown) => error),
      await openBackplane(`${url}?ca=/nowhere`, { log }).catch((error: unknown) => error),
      await openBackplane(`${url}?colour=red`, { log }).catch((error: unknown) => error),
    ];
    const codes = problems.map((problem) => (problem as { code?: string }).code);
    expect(codes).toEqual(['BACKPLANE_UNREACHABLE', 'BACKPLANE_UNREACHABLE', 'BACKPLANE_BAD_URL', 'BACKPLANE_BAD_URL']);
    const { inspect } = await import('node:util');
    expect([...problems.map((problem) => inspect(problem, { depth: 9 })), ...lines].join('\n')).not.toMatch(/pass-of/);
  },
  20_000,
);

function redisWithTls(cert: string, key: string): Promise<Engine> {
  const tls = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert, '--tls-auth-clients', 'no'];
  const user = ['--user', ...'earl on >pass-of-earl ~* &* +@all'.split(' '), '--user', 'default', 'off'];
  return Engine.redis('--appendfsync', 'no', ...tls, ...user, '--tls-port', 'PORT', '--port', '0');
}

function natsWithTls(cert: string, key: string): Promise<Engine> {
  return Engine.natsConfigured(`listen: "-"
jetstream { store_dir: "-" }
authorization { user: earl, password: pass-of-earl }
tls { cert_file: "${cert}", key_file: "${key}" }
`);
}

it('says at the start that NATS takes too little, and refuses what is longer', async () => {
  const engine = await started(Engine.natsConfigured('listen: "-"\njetstream { store_dir: "-" }\nmax_payload: 16KB\n'));
  const lines: string[] = [];
  const broker = await opened(NatsBroker.connect({ url: engine.url, log: (line) => lines.push(line) }));
  expect(lines.join()).toMatch(/at most.*set max_payload/);
  const refused = { code: 'BROKER_REFUSED', message: expect.stringContaining('max_payload') };
  await expect(broker.publish('a', Buffer.alloc(20_000))).rejects.toMatchObject(refused);
  await Promise.all(Array.from({ length: 50 }, () => broker.publish('a', Buffer.alloc(10_000))));
});
