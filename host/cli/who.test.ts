/** `earl who` as a process, over a cloud in this one. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';

const running: ChildProcessWithoutNullStreams[] = [];
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  for (const end of ends.splice(0).reverse()) await end();
});

async function cloudOf(token?: string): Promise<Cloud> {
  const cloud = await startCloud({ port: 0, ...(token !== undefined && { token }) });
  ends.push(() => cloud.close());
  return cloud;
}

async function visitor(cloud: Cloud, name: string, at: string[], token?: string): Promise<CloudClient> {
  const client = connect({ url: cloud.url, client: { name, kind: 'page' }, ...(token !== undefined && { token }) });
  ends.push(() => client.close());
  await client.here(at);
  return client;
}

function earlWho(...args: string[]) {
  const child = spawn(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', 'who', ...args]);
  running.push(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (output[name] += String(chunk)));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    output,
    line: async () => String((await lines.next()).value),
    exit: async () => (await once(child, 'close'))[0] as number,
  };
}

it('lists who is at places, with nothing that steers a terminal, and exits', async () => {
  const cloud = await cloudOf();
  await visitor(cloud, 'lab page', ['home/ball', 'work']);
  await visitor(cloud, '\u001b[2Jmean', ['home']);
  const who = earlWho('home/#', '--cloud', cloud.url);
  expect(await who.exit()).toBe(0);
  expect(who.output.stdout.split('\n').map((line) => line.replace(/\d{4}-\S+Z/, 'TIME').split(/ {2,}/))).toEqual([
    ['name', 'kind', 'subject', 'since', 'at'],
    ['lab page', 'page', 'TIME', 'home/ball'],
    ['?[2Jmean', 'page', 'TIME', 'home'],
    [''],
  ]);
});

it('--follow --json has a line a change until Ctrl-C', async () => {
  const cloud = await cloudOf('secret');
  const who = earlWho('--follow', '--json', '--cloud', cloud.url, '--token', 'secret');
  expect(JSON.parse(await who.line())).toMatchObject({ clients: [], truncated: false });
  const client = await visitor(cloud, 'lab page', ['home'], 'secret');
  expect(JSON.parse(await who.line())).toMatchObject({ clients: [{ name: 'lab page', kind: 'page', at: ['home'] }] });
  await client.close();
  expect(JSON.parse(await who.line())).toMatchObject({ clients: [] });
  who.child.kill('SIGINT');
  expect(await who.exit()).toBe(0);
});

it('--follow prints the list, then a line for each who joins, moves and leaves', async () => {
  const cloud = await cloudOf();
  const who = earlWho('home/#', '--follow', '--cloud', cloud.url);
  expect(await who.line()).toBe('nobody who says who they are');
  const client = await visitor(cloud, 'lab page', ['home']);
  expect(await who.line()).toMatch(/Z \+ lab page {2}page {2}home$/);
  await client.here(['home/ball']);
  expect(await who.line()).toMatch(/Z ~ lab page {2}page {2}home\/ball$/);
  await client.close();
  expect(await who.line()).toMatch(/Z - lab page {2}page {2}home\/ball$/);
});

it('says what is wrong: no cloud, a wrong token, a wrong filter', async () => {
  const cloud = await cloudOf('secret');
  const gone = await cloudOf();
  await gone.close();
  const tries = [
    earlWho('--cloud', gone.url, '--wait', '300ms'),
    earlWho('--cloud', cloud.url, '--token', 'wrong'),
    earlWho('home/#/x', '--cloud', cloud.url, '--token', 'secret'),
  ];
  expect(await Promise.all(tries.map(({ exit }) => exit()))).toEqual([1, 1, 1]);
  expect(tries.map(({ output }) => output.stderr)).toEqual([
    expect.stringMatching(/was not reached/),
    expect.stringMatching(/token is wrong/),
    expect.stringMatching(/last level/),
  ]);
});
