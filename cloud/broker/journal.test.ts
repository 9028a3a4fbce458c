/** What a broker with a journal still knows after its process is gone, however it went. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from 'vitest';
import { type BrokerMessage, Journal, LocalBroker, type LocalBrokerOptions, publishJson } from './index.ts';

const folders: string[] = [];
const brokers: LocalBroker[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'earl-journal-'));
  folders.push(folder);
  return folder;
}

function openBroker(folder: string, options: LocalBrokerOptions = {}): LocalBroker {
  const broker = new LocalBroker({ journal: new Journal({ folder }), ...options });
  brokers.push(broker);
  return broker;
}

async function retainedOf(broker: LocalBroker): Promise<unknown[]> {
  const messages: BrokerMessage[] = [];
  const subscription = await broker.subscribe('#', (message) => messages.push(message));
  await subscription.unsubscribe();
  return messages.map(({ topic, data }) => [topic, data]).sort();
}

it('makes a folder that other users of the machine cannot enter', () => {
  const folder = join(newFolder(), 'data');
  openBroker(folder);
  expect((statSync(folder).mode & 0o777).toString(8)).toBe('700');
});

it('goes on where it was: epoch, offsets, history, last values, publishers', async () => {
  const folder = newFolder();
  const first = openBroker(folder);
  const { position } = await first.subscribe('#', () => {}, {});
  await publishJson(first, 'a', 1, { retain: true, dedupe: { publisher: 'p', seq: 7 } });
  await publishJson(first, 'b', 2, { retain: true });
  await publishJson(first, 'b', null, { retain: true });
  await publishJson(first, '$serve/x', 3, { retain: true });
  await publishJson(first, 'a', 4, { retain: true });
  await first.close();

  const second = openBroker(folder);
  expect(await retainedOf(second)).toEqual([['a', 4]]);
  expect((await second.read(['#'], position, 100)).messages.map(({ data, offset }) => [offset, data])).toEqual([
    [1, 1],
    [2, 2],
    [3, null],
    [4, 4],
  ]);
  const seen: unknown[] = [];
  const { position: now } = await second.subscribe('c', ({ data, offset }) => seen.push([offset, data]));
  expect(now).toEqual({ epoch: position.epoch, offset: 4 });
  await publishJson(second, 'c', 'again', { dedupe: { publisher: 'p', seq: 7 } });
  await publishJson(second, 'c', 'new', { dedupe: { publisher: 'p', seq: 8 } });
  expect(seen).toEqual([[5, 'new']]);
});

it('keeps to its bounds on disk, and stays honest about what has gone', async () => {
  const folder = newFolder();
  const bounds = { historyPerTopic: 3, historyBytes: 20 * 110, retainedTopics: 2, publishers: 2 };
  let broker = openBroker(folder, bounds);
  const { position } = await broker.subscribe('x', () => {});
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 40; count++) {
      await publishJson(broker, `topic/${count % 25}`, count, {
        retain: true,
        dedupe: { publisher: `p${count % 3}`, seq: round * 100 + count },
      });
      for (let busy = 0; busy < 3; busy++) await publishJson(broker, 'busy', busy);
    }
    const before = [await retainedOf(broker), broker.history];
    await broker.close();
    broker = openBroker(folder, bounds);
    expect([await retainedOf(broker), broker.history]).toEqual(before);
    const read = async (filter: string, offset: number) =>
      (await broker.read([filter], { ...position, offset }, 100)).complete;
    const last = (await broker.subscribe('x', () => {})).position.offset;
    expect([await read('busy', last - 4), await read('busy', last - 5)]).toEqual([true, false]);
    expect(await read('topic/#', 0)).toBe(false);
  }
});

it('has every acknowledged message after kill -9, once, in order', async () => {
  const folder = newFolder();
  const program = join(folder, 'publisher.ts');
  const broker = JSON.stringify(join(import.meta.dirname, 'index.ts'));
  writeFileSync(
    program,
    `import { Journal, LocalBroker, publishJson } from ${broker};
     const broker = new LocalBroker({ journal: new Journal({ folder: process.argv[2]! }), historyPerTopic: 1e6 });
     const from = Number(process.argv[3]);
     for (let seq = from; ; seq++) {
       const options = { retain: true, dedupe: { publisher: 'p', seq } };
       void publishJson(broker, 'a/' + (seq % 3), seq, options).then(() => process.stdout.write(seq + '\\n'));
       if (seq % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
     }`,
  );
  const data = join(folder, 'data');
  const run = join(import.meta.dirname, '../../tools/run.mjs');
  let acknowledged = 0;
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, [run, program, data, String(acknowledged + 1)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const enough = acknowledged + 300;
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line);
      if (acknowledged >= enough) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const reopened = openBroker(data, { historyPerTopic: 1e6 });
    const { position } = await reopened.subscribe('x', () => {});
    const { messages, complete } = await reopened.read(['#'], { ...position, offset: 0 }, 1e6);
    const values = messages.map(({ data: value }) => value as number);
    expect(complete).toBe(true);
    expect(values).toEqual(values.map((_, index) => index + 1));
    expect(values.length).toBeGreaterThanOrEqual(acknowledged);
    expect((await retainedOf(reopened)).map((entry) => (entry as [string, number])[1]).sort((a, b) => a - b)).toEqual(
      values.slice(-3),
    );
    acknowledged = values.length;
    await reopened.close();
  }
}, 60_000);

it('takes no more messages when the disk does not', async () => {
  const folder = newFolder();
  const journal = new Journal({ folder });
  const failures: unknown[] = [];
  const broker = new LocalBroker({ journal, onFailed: (error) => failures.push(error) });
  const gaps: string[] = [];
  const delivered: unknown[] = [];
  await broker.subscribe('a', ({ data }) => delivered.push(data), { onGap: (reason) => gaps.push(reason) });
  await publishJson(broker, 'a', 1);
  await journal.close();
  await expect(publishJson(broker, 'a', 2)).rejects.toMatchObject({ code: 'DATA_FAILED' });
  await expect(publishJson(broker, 'a', 3)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
  expect([delivered, failures.length, gaps]).toEqual([[1], 1, ['the journal cannot be written']]);
});

it('belongs to one process at a time', () => {
  const folder = newFolder();
  openBroker(folder);
  const script = `process.kill = () => true; const { Journal } = await import(${JSON.stringify(join(import.meta.dirname, 'journal.ts'))});
    try { new Journal({ folder: ${JSON.stringify(folder)} }); } catch (error) { console.log(error.code, error.message); }`;
  const file = join(folder, 'second.ts');
  writeFileSync(file, script);
  const said = execFileSync(process.execPath, [join(import.meta.dirname, '../../tools/run.mjs'), file], {
    encoding: 'utf8',
  });
  expect(said).toContain(`DATA_IN_USE ${folder} belongs to process ${process.pid}`);
});
