/** A message for many: whoever is written to directly, and whoever is not, gets each message once and in order. */
import { describe, expect, it, vi } from 'vitest';
import { NativeSockets } from '../../cloud/native/index.ts';
import { type Json, RecordReader, recordKinds } from '../../cloud/protocol/index.ts';
import type { Cloud } from '../../cloud/server/index.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';

const start = cloudsForTests();

/** A client of `earl.v1`, and the payloads that it got, of topics whose number it was told before. */
async function hearing(cloud: Cloud, ...subscriptions: Json[]) {
  const client = await RawClient.open(cloud, { subprotocols: 'earl.v1' });
  const heard: string[] = [];
  const told = new Set<number>();
  const answers: (() => void)[] = [];
  client.socket.on('message', (data, isBinary) => {
    if (!isBinary) {
      answers.shift()?.();
      return;
    }
    const reader = new RecordReader(data as Buffer);
    while (!reader.isAtEnd) {
      const kind = reader.byte() & 0x0f;
      const number = reader.number();
      if (kind === recordKinds.topic) {
        reader.text();
        told.add(number);
      } else {
        reader.number();
        const payload = Buffer.from(reader.payload()).toString();
        heard.push(told.has(number) ? payload : `${payload} of an unknown topic`);
      }
    }
  });
  const ask = async (message: Json) => {
    const answered = new Promise<void>((resolve) => answers.push(resolve));
    client.say(message);
    await answered;
  };
  await ask({ op: 'hello' });
  for (const [id, wishes] of subscriptions.entries()) await ask({ op: 'subscribe', id, ...(wishes as object) });
  /** All that was published before. */
  const all = async () => {
    await ask({ op: 'ping', id: 99 });
    return heard.splice(0).join(' ');
  };
  return { ask, all };
}

describe('a message for many subscribers', () => {
  it('comes once to each, in order, until it unsubscribes', async () => {
    const writeMany = vi.spyOn(NativeSockets.prototype, 'writeMany');
    const cloud = await start();
    const publisher = await hearing(cloud);
    const plain = await hearing(cloud, { filters: ['t/1'] });
    const other = await hearing(cloud, { filters: ['t/1'] });
    const twice = await hearing(cloud, { filters: ['t/1'] }, { filters: ['t/+', '#'] });
    const paced = await hearing(cloud, { filters: ['t/1'], maxDelayMs: 1 }, { filters: ['t/+'] });
    const leaving = await hearing(cloud, { filters: ['t/#'] });
    let id = 0;
    const publish = async (...payloads: number[]) => {
      for (const data of payloads) await publisher.ask({ op: 'publish', id: ++id, topic: 't/1', data });
    };

    await publish(1, 2, 3);
    expect(await leaving.all()).toBe('1 2 3');
    await leaving.ask({ op: 'unsubscribe', id: 7, filters: ['t/#'] });
    await publish(4, 5);
    await leaving.ask({ op: 'subscribe', id: 8, filters: ['t/+'] });
    await publish(6, 7, 8);

    for (const one of [plain, other, twice]) expect(await one.all()).toBe('1 2 3 4 5 6 7 8');
    expect(await leaving.all()).toBe('6 7 8');
    const late: string[] = [];
    await expect.poll(async () => late.push(...(await paced.all()).split(' ').filter(Boolean))).toBe(8);
    expect(late.join(' ')).toBe('1 2 3 4 5 6 7 8');
    if (cloud.sockets === 'native') expect(writeMany.mock.calls.at(-1)![0]).toHaveLength(3);
    writeMany.mockRestore();
  });
});
