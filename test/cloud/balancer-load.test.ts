/**
 * Three servers as processes over one Redis, behind the real HAProxy and nginx, under acknowledged load: one is killed,
 * one restarted with a drain, the balancer itself is killed. Nothing is lost, doubled or reordered.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../cloud/workers/free-port.ts';
import { Engine } from '../contract/engines.ts';
import { bundleEarl, EarlProcess } from '../e2e/earl-process.ts';
import { Load } from './balancer-load.ts';
import { Balancer, programs } from './balancers.ts';

let bundle: Awaited<ReturnType<typeof bundleEarl>>;
let redis: Engine;
let servers: readonly [Server, Server, Server];
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  [bundle, redis] = await Promise.all([bundleEarl(), Engine.redis()]);
  const backplane = ['--backplane', redis.url];
  servers = [await Server.of(backplane), await Server.of(backplane), await Server.of(backplane)];
  await Promise.all(servers.map((server) => server.start()));
}, 60_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop('SIGKILL')));
  bundle.remove();
  await redis.remove();
});

const patience = { timeout: 15_000, interval: 50 };
const nothing = { lost: 0, duplicated: 0, reordered: 0, missed: 0 };

/** `earl cloud` on a port that it keeps when it is started again. */
class Server {
  readonly address: string;
  readonly #options: readonly string[];
  #process: EarlProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.address = `127.0.0.1:${port}`;
    this.#options = ['cloud', '--port', String(port), '--json', '--drain', '500ms', ...options];
  }

  static async of(options: readonly string[]): Promise<Server> {
    return new Server(await freePort(), options);
  }

  async start(): Promise<EarlProcess> {
    this.#process = new EarlProcess(bundle.file, this.#options);
    await this.#process.line(({ event }) => event === 'listening', 0, 30_000);
    return this.#process;
  }

  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | string | undefined> {
    return await this.#process?.stop(signal);
  }
}

async function startLoad(balancer: Balancer, site: string, recorders: number): Promise<Load> {
  cleanups.push(() => balancer.remove());
  const load = new Load(balancer.url, site, 6, recorders);
  cleanups.push(() => load.close());
  await load.start();
  await load.goesOn();
  return load;
}

it.each(programs)(
  'behind %s a killed server, a rolling restart and a killed balancer lose nothing',
  async (program) => {
    const balancer = await Balancer.start(
      program,
      servers.map(({ address }) => address),
    );
    const load = await startLoad(balancer, program, 3);
    const isUp = async (up: object) => {
      if (program === 'haproxy') await expect.poll(() => balancer.status(), patience).toMatchObject(up);
    };

    await servers[0].stop('SIGKILL');
    await load.goesOn();
    await servers[0].start();

    expect(await servers[1].stop('SIGTERM')).toBe(0);
    await load.goesOn();
    await servers[1].start();
    await isUp({ s1: 'UP', s2: 'UP', s3: 'UP' });

    await balancer.kill();
    await balancer.start();
    await load.goesOn();

    const { acknowledged, ...rest } = await load.end();
    expect(rest).toEqual(nothing);
    expect(acknowledged).toBeGreaterThanOrEqual(6 * 80);
  },
  120_000,
);

it('behind haproxy a killed worker of a server loses nothing', async () => {
  const server = await Server.of(['--workers', '2']);
  cleanups.push(() => server.stop('SIGTERM'));
  const running = await server.start();
  const worker = await running.line(({ event }) => event === 'worker_started');
  const load = await startLoad(await Balancer.start('haproxy', [server.address]), 'workers', 2);
  const before = running.lines.length;
  process.kill(worker.pid as number, 'SIGKILL');
  await running.line(({ event }) => event === 'worker_exited', before);
  await load.goesOn();
  expect(await load.end()).toMatchObject(nothing);
}, 60_000);
