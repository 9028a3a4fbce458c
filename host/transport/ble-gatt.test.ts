/** How a write is cut, paced and answered for; the packets go to a characteristic that the test answers for. */
import { expect, test } from 'vitest';
import { EarlError } from '../../errors/index.ts';
import { VirtualClock } from '../link/index.ts';
import { bridges } from './ble-bridges.ts';
import { BleWriter } from './ble-gatt.ts';
import type { NobleCharacteristic } from './ble-noble.ts';

const baud = 9600;

function writerOf(properties: readonly string[], { mtu = 23, mute = false } = {}) {
  const clock = new VirtualClock();
  const packets: { readonly hex: string; readonly silent: boolean; readonly atMs: number }[] = [];
  const dead: EarlError[] = [];
  let questions = 0;
  const write: NobleCharacteristic = {
    uuid: 'ffe1',
    properties,
    write: (data, silent, done) => {
      packets.push({ hex: data.toString('hex'), silent, atMs: clock.nowMs() });
      if (!mute) done(null);
    },
    discoverDescriptors: (done) => {
      questions++;
      done(null, []);
    },
    subscribe: () => {},
    on: () => {},
    removeAllListeners: () => {},
  };
  const link = { bridge: bridges[2]!, write, notify: write, mtu };
  const writer = new BleWriter({ url: 'ble:x', link, baud, clock, onDead: (error) => dead.push(error) });
  return { clock, packets, dead, writer, questions: () => questions };
}

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, at) => at & 0xff);
const lengths = (packets: readonly { hex: string }[]) => packets.map(({ hex }) => hex.length / 2);

test('cuts to what the MTU leaves, in order, and puts small writes together', async () => {
  const { clock, packets, writer } = writerOf(['writeWithoutResponse']);
  const written = Promise.all([writer.write(bytes(3)), writer.write(bytes(30)), writer.write(bytes(5))]);
  await clock.advance(1000);
  await written;
  expect(lengths(packets)).toEqual([20, 18]);
  const hex = [...bytes(3), ...bytes(30), ...bytes(5)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  expect(packets.map((packet) => packet.hex).join('')).toBe(hex);
});

test.each([
  [['write'], [false, false, false, false, false], 0],
  [['write', 'writeWithoutResponse'], [true, true, true, false, true], 0],
  [['writeWithoutResponse'], [true, true, true, true, true], 1],
])('%j: with a response where nothing else tells that packets arrive', async (properties, silent, asked) => {
  const { clock, packets, writer, questions } = writerOf(properties);
  const written = writer.write(bytes(100));
  await clock.advance(1000);
  await written;
  expect(packets.map((packet) => packet.silent)).toEqual(silent);
  expect(questions()).toBe(asked);
});

test("no more is ahead of the module's UART than 64 bytes and a packet", async () => {
  const { clock, packets, writer } = writerOf(['writeWithoutResponse'], { mtu: 103 });
  const written = writer.write(bytes(1000));
  await clock.advance(2000);
  await written;
  let sent = 0;
  for (const { hex, atMs } of packets) {
    expect(sent - (atMs * baud) / 10_000).toBeLessThanOrEqual(64 + 1e-6);
    sent += hex.length / 2;
  }
  expect(sent).toBe(1000);
  expect(packets.at(-1)!.atMs).toBeGreaterThan(800);
  expect(packets.at(-1)!.atMs).toBeLessThan(1042);
});

test('a module that does not answer for thirty seconds is dead', async () => {
  const { clock, dead, writer } = writerOf(['write'], { mute: true });
  const written = writer.write(bytes(50)).catch((error: unknown) => error);
  await clock.advance(29_000);
  expect(dead).toEqual([]);
  await clock.advance(2000);
  expect(dead).toHaveLength(1);
  writer.stop(new EarlError('TRANSPORT_CLOSED', 'over'));
  expect(await written).toMatchObject({ code: 'TRANSPORT_CLOSED' });
});

test('takes 64 KiB, and not a byte more', async () => {
  const { writer } = writerOf(['write'], { mute: true });
  const waiting = writer.write(new Uint8Array(65_536)).catch((error: unknown) => error);
  await expect(writer.write(bytes(1))).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
  writer.stop(new EarlError('TRANSPORT_CLOSED', 'over'));
  expect(await waiting).toMatchObject({ code: 'TRANSPORT_CLOSED' });
  await expect(writer.write(bytes(1))).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
});
