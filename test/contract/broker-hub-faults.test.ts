/** What a hub and its workers do when one of them is slow, wrong, killed or gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HubBroker } from '../../cloud/broker/hub.ts';
import { HubFolder } from '../../cloud/broker/hub-folder.ts';
import { type Fields, RecordReader, RecordWriter } from '../../cloud/broker/hub-records.ts';
import { HubServer } from '../../cloud/broker/hub-server.ts';
import { type BrokerMessage, LocalBroker, publishJson } from '../../cloud/broker/index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startHub(waitingBytes?: number) {
  const folder = new HubFolder();
  const local = new LocalBroker();
  const lines: string[] = [];
  const hub = await HubServer.listen({
    broker: local,
    socket: folder.socket,
    secret: 'secret',
    log: (line) => lines.push(line),
    ...(waitingBytes === undefined ? {} : { waitingBytes }),
  });
  cleanups.push(
    () => folder.remove(),
    () => local.close(),
    () => hub.close(),
  );
  return { folder, hub, local, lines };
}

async function join1(socket: string, worker: number, onLost = () => {}): Promise<HubBroker> {
  const broker = await HubBroker.connect({ socket, secret: 'secret', worker, onLost });
  cleanups.push(() => broker.close());
  return broker;
}

describe('between two workers', () => {
  it('one order for everybody, each message once however many filters and subscriptions select it', async () => {
    const { folder, hub } = await startHub();
    const [here, there] = [await join1(folder.socket, 1), await join1(folder.socket, 2)];
    const seen: BrokerMessage[][] = [[], [], []];
    await here.subscribe('a/#', (message) => seen[0]!.push(message));
    await there.subscribe('a/#', (message) => seen[1]!.push(message));
    await there.subscribe('a/+', (message) => seen[2]!.push(message));
    await there.subscribe('a/#', () => {});
    await Promise.all(
      Array.from({ length: 400 }, (_, index) => publishJson(index % 2 ? here : there, `a/${index % 3}`, index)),
    );
    await here.caughtUp();
    await there.caughtUp();
    const [first, second, third] = seen.map((messages) => messages.map(({ offset, data }) => [offset, data]));
    expect(first).toHaveLength(400);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(first!.map(([offset]) => offset)).toEqual(first!.map((_, index) => index + 1));
    expect(seen[1]!.every((message, index) => message === seen[2]![index])).toBe(true);
    expect(hub.peers.map(({ worker }) => worker).sort()).toEqual([1, 2]);
  });

  it('a filter is subscribed to until its last subscription here ends', async () => {
    const { folder, local } = await startHub();
    const [here, there] = [await join1(folder.socket, 1), await join1(folder.socket, 2)];
    const data: unknown[] = [];
    const first = await here.subscribe('a', (message) => data.push(message.data));
    const second = await here.subscribe('a', (message) => data.push(message.data));
    await first.unsubscribe();
    await publishJson(there, 'a', 1);
    await here.caughtUp();
    await second.unsubscribe();
    await here.caughtUp();
    await publishJson(there, 'a', 2, { retain: true });
    await here.caughtUp();
    expect(data).toEqual([1]);
    await here.subscribe('a', (message) => data.push([message.data, message.retained]));
    expect(data).toEqual([1, [2, true]]);
    expect(local.history.messages).toBe(2);
  });

  it('what one publisher repeats over another worker is known', async () => {
    const { folder } = await startHub();
    const [here, there] = [await join1(folder.socket, 1), await join1(folder.socket, 2)];
    const data: unknown[] = [];
    await here.subscribe('a', (message) => data.push(message.data));
    await publishJson(here, 'a', 'once', { dedupe: { publisher: 'p', seq: 1 } });
    await publishJson(there, 'a', 'again', { dedupe: { publisher: 'p', seq: 1 } });
    await publishJson(there, 'a', 'next', { dedupe: { publisher: 'p', seq: 2 } });
    await here.caughtUp();
    expect(data).toEqual(['once', 'next']);
  });
});

it('the broker of a hub subscribes before it returns: what the order of records rests on', async () => {
  const local = new LocalBroker();
  const data: unknown[] = [];
  await publishJson(local, 'a', 'kept', { retain: true });
  const begun = local.subscribe('a', (message) => data.push(message.data));
  expect(data).toEqual(['kept']);
  void local.publish('a', Buffer.from('1'));
  expect(data).toEqual(['kept', 1]);
  expect((await begun).position.offset).toBe(1);
  await local.close();
});

describe('a worker that does not read', () => {
  it('is held to its bytes, hears of a gap, and finds what it missed in the history', async () => {
    const most = 256 * 1024;
    const { folder, hub, local, lines } = await startHub(most);
    const stopped = await startWorker('watch', folder.socket);
    await stopped.said(1);
    const other = await join1(folder.socket, 2);
    const elsewhere: number[] = [];
    await other.subscribe('a/#', ({ offset }) => elsewhere.push(offset));
    stopped.child.kill('SIGSTOP');
    let waiting = 0;
    const payload = Buffer.alloc(1_000);
    const total = 3_000;
    for (let count = 1; count <= total; count++) {
      // Several topics, so that the history has all of it.
      void local.publish(`a/${count % 5}`, payload);
      if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      waiting = Math.max(waiting, hub.peers.find(({ worker }) => worker === 1)!.waitingBytes);
    }
    await other.caughtUp();
    expect(elsewhere).toHaveLength(total);
    expect(waiting).toBeGreaterThan(most);
    expect(waiting).toBeLessThan(most + 2_000);
    expect(hub.gaps).toBe(1);
    expect(lines.join()).toContain('messages for worker 1 are dropped');
    stopped.child.kill('SIGCONT');
    const { last, ordered, reason } = (await stopped.said(2)) as { last: number; ordered: boolean; reason: string };
    expect([ordered, last < total, reason]).toEqual([true, true, expect.stringContaining('has not taken')]);
    // It goes on, and finds the rest.
    await publishJson(other, 'a/1', 'after');
    expect(await stopped.said(3)).toEqual({ complete: true, missed: total + 1 - last, last: total + 1 });
  });
});

describe('the end of one', () => {
  it('a worker killed with SIGKILL takes nothing along that was acknowledged, and the others go on', async () => {
    const { folder, hub } = await startHub();
    const watching = await join1(folder.socket, 2);
    const seen: number[] = [];
    await watching.subscribe('k', ({ data }) => seen.push(data as number));
    const { child, lines } = await startWorker('publish', folder.socket);
    const acknowledged = () => Number(lines.at(-1) ?? 0);
    await expect.poll(acknowledged, { timeout: 15_000 }).toBeGreaterThan(500);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => hub.peers.length).toBe(1);
    await watching.caughtUp();
    expect(seen.length).toBeGreaterThanOrEqual(acknowledged());
    expect(seen).toEqual(seen.map((_, index) => index + 1));
    await publishJson(watching, 'k', seen.length + 1);
    await watching.caughtUp();
    expect(seen.at(-1)).toBe(seen.length);
  });

  it('without the hub everything that waits is rejected, subscribers hear of it, and onLost is called', async () => {
    const { folder, hub, local } = await startHub();
    let lost = 0;
    const broker = await join1(folder.socket, 1, () => lost++);
    const gaps: string[] = [];
    await broker.subscribe('a', () => {}, { onGap: (reason) => gaps.push(reason) });
    await hub.close();
    await expect.poll(() => lost).toBe(1);
    expect(gaps).toHaveLength(1);
    const refused = { code: 'HUB_LOST', message: expect.stringContaining('is gone') };
    await expect(broker.publish('a', Buffer.from('1'))).rejects.toMatchObject(refused);
    await expect(broker.subscribe('a', () => {})).rejects.toMatchObject(refused);
    await expect(broker.read(['a'], { epoch: '', offset: 0 }, 1)).rejects.toMatchObject(refused);
    await local.close();
  });

  it('what the broker of the hub refuses, the worker hears with its reason', async () => {
    const { folder, local } = await startHub();
    const broker = await join1(folder.socket, 1);
    await local.close();
    await expect(publishJson(broker, 'a', 1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
    await expect(broker.subscribe('a', () => {})).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
    await expect(broker.read(['a'], { epoch: '', offset: 0 }, 1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
  });
});

describe('who may enter', () => {
  it('the socket and its folder are for their owner, and need the secret besides', async () => {
    const { folder, lines } = await startHub();
    expect(statSync(folder.socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder.socket, '..')).mode & 0o777).toBe(0o700);
    const wrong = HubBroker.connect({ socket: folder.socket, secret: 'guess', worker: 1 });
    await expect(wrong).rejects.toMatchObject({ code: 'HUB_LOST' });
    expect(lines.join()).toContain('the secret is another');
    expect(lines.join()).not.toContain('guess');
  });

  it('records that are wrong cut off who sent them, and nobody else', async () => {
    const { folder, lines } = await startHub();
    const well = await join1(folder.socket, 1);
    for (const bytes of ['ffffffff01', '0100000004', '0000000000', '05000000630000']) {
      const socket = connect(folder.socket);
      const closed = once(socket, 'close');
      socket.on('error', () => {});
      socket.end(Buffer.from(bytes, 'hex'));
      await closed;
    }
    expect(lines.filter((line) => line.includes('is cut off')).length).toBeGreaterThanOrEqual(3);
    expect(await well.roundTripMs()).toBeGreaterThan(0);
  });

  it('a folder that a killed process left behind is removed, one of a running process is not', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'earl-hubs-'));
    cleanups.push(() => rmSync(parent, { recursive: true, force: true }));
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    const dead = join(parent, `earl-hub-${child.pid}-abc`);
    const alive = join(parent, `earl-hub-${process.ppid}-abc`);
    for (const folder of [dead, alive]) mkdirSync(folder);
    const folder = new HubFolder(parent);
    expect([dead, alive].map((path) => existsSync(path))).toEqual([false, true]);
    folder.remove();
  });
});

describe('records', () => {
  it('arrive whole wherever the stream is cut', () => {
    const writer = new RecordWriter();
    const payload = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff));
    writer
      .begin(3, 400)
      .number(7)
      .double(2 ** 40)
      .text('ä/b')
      .rest(payload)
      .end();
    writer.begin(9, 0).end();
    writer.begin(3, 100_000).number(8).double(1).text('').rest(Buffer.alloc(90_000, 1)).end();
    const bytes = Buffer.concat(writer.take());
    expect(writer.bytes).toBe(0);
    const read = (record: Fields) =>
      record.isAtEnd
        ? [record.kind]
        : [record.kind, record.number(), record.double(), record.text(), record.payload().toString('hex')];
    const all = [[3, 7, 2 ** 40, 'ä/b', payload.toString('hex')], [9], [3, 8, 1, '', '01'.repeat(90_000)]];
    const cuts = [...Array.from({ length: 400 }, (_, index) => index), 66_000, bytes.length - 1];
    for (const cut of cuts) {
      const records: unknown[] = [];
      const reader = new RecordReader((record) => records.push(read(record)));
      reader.take(bytes.subarray(0, cut));
      reader.take(bytes.subarray(cut));
      expect(records).toEqual(all);
    }
    const bytewise: unknown[] = [];
    const reader = new RecordReader((record) => bytewise.push(record.kind));
    for (let at = 0; at < 400; at++) reader.take(bytes.subarray(at, at + 1));
    expect(bytewise).toEqual([3, 9]);
  });
});

/** test/contract/hub-worker.ts as a process, with the JSON lines that it says. */
async function startWorker(mode: string, socket: string) {
  const child: ChildProcess = spawn(process.execPath, ['tools/run.mjs', 'test/contract/hub-worker.ts', mode, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const lines: unknown[] = [];
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts.map((part) => JSON.parse(part) as unknown));
  });
  return {
    child,
    lines,
    /** The line with this number, from 1. */
    said: async (number: number): Promise<unknown> => {
      await expect.poll(() => lines.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(number);
      return lines[number - 1];
    },
  };
}
