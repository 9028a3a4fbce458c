/** Servers as processes that share an engine, one of which is killed. */
import { afterEach, expect, it } from 'vitest';
import { startCloud } from '../../cloud/server/index.ts';
import { Engine } from '../contract/engines.ts';
import { spawnCloud } from './cloud-process.ts';
import { RawClient } from './raw-client.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it.each(['redis', 'nats'] as const)(
  'commands cross servers on %s, and a killed server attracts none',
  async (name) => {
    const engine = await Engine[name]();
    cleanups.push(() => engine.remove());
    const here = await startCloud({ port: 0, backplane: engine.url });
    cleanups.push(() => here.close());
    const { cloud: there, child } = await spawnCloud('--backplane', engine.url);
    const gateway = await RawClient.join(there);
    expect(await gateway.ask({ op: 'serve', id: 1, probes: ['home/ball'] })).toEqual({ op: 'ok', id: 1 });
    const client = await RawClient.join(here);
    const command = { op: 'command', probe: 'home/ball', command: { name: 'ping' } };
    client.say({ ...command, id: 1 });
    gateway.say({ op: 'reply', call: (await gateway.next()).call!, result: { status: 'ok', data: [1], linkMs: 1 } });
    expect(await client.next()).toMatchObject({ op: 'reply', id: 1, result: { status: 'ok' } });
    const watching = await RawClient.join(there);
    await watching.ask({ op: 'subscribe', id: 2, filters: ['home/#'] });
    await client.ask({ op: 'publish', id: 2, topic: 'home/ball/samples', data: 42 });
    expect(await watching.next()).toMatchObject({ topic: 'home/ball/samples', data: 42 });
    // Once is enough for what takes its time and is the same over every broker.
    if (name === 'nats') return;
    child.kill('SIGKILL');
    // Its record is there until it was silent for three beats; until then a command ends with its timeout.
    let answer = await client.ask({ ...command, id: 3, timeoutMs: 500 });
    for (let id = 4; answer.code !== 200; id++) answer = await client.ask({ ...command, id, timeoutMs: 500 });
    expect(answer).toMatchObject({ op: 'error', code: 200 });
  },
  60_000,
);
