/**
 * The whole road on real input: firmware in the emulator, gateway, cloud, a client. First in one process, where the
 * virtual I2C bus can be watched; then as a user starts it, `earl up` as a process and a bare WebSocket.
 */

import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, onTestFailed, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { connect } from '../../cloud/client/index.node.ts';
import type { SenmlRecord, ServerMessage } from '../../cloud/protocol/messages.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { ledOutputs, type TraceEvent } from '../../host/emulator/index.ts';
import { Gateway, type LogEntry, systemClock } from '../../host/gateway/index.ts';
import { emulatedTransport } from '../../host/transport/emulated.ts';
import { bundleEarl, EarlProcess } from './earl-process.ts';
import { boardUrl } from './images.ts';
import { timesOf, Watcher } from './watcher.ts';
import { valuesOf, WireTap } from './wire-tap.ts';

const kinds = ['ball', 'arm', 'light'] as const;
const units: Record<(typeof kinds)[number], Record<string, string>> = {
  ball: { presses: 'count', button: '/' },
  arm: { x: 'm/s2', y: 'm/s2', z: 'm/s2' },
  light: { light: 'lx', temp: 'Cel', supply: 'V' },
};

vi.setConfig({ testTimeout: 60_000 });

const closers: (() => Promise<unknown>)[] = [];
let bundle: Awaited<ReturnType<typeof bundleEarl>>;

beforeAll(async () => {
  bundle = await bundleEarl();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => bundle.remove());

/** A process that does not outlive its test. */
function earl(...args: string[]): EarlProcess {
  const process = new EarlProcess(bundle.file, args);
  closers.push(() => process.stop('SIGKILL'));
  return process;
}

/** Cloud, gateway and the three probes in this process. */
async function startRoad() {
  const cloud = await startCloud({ port: 0 });
  closers.push(() => cloud.close());
  const url = cloud.url.replace(/^http/, 'ws');
  const traced: TraceEvent[] = [];
  const taps = kinds.map(() => new WireTap());
  const transports = kinds.map((kind, index) =>
    emulatedTransport(boardUrl(kind), {
      trace: (event) => {
        taps[index]!.trace(event);
        if (kind === 'ball' && event.kind === 'i2c') traced.push(event);
      },
    }),
  );
  const client = connect({ url });
  closers.push(() => client.close());
  const log: LogEntry[] = [];
  onTestFailed(() => console.log('the gateway said:', log));
  const gateway = new Gateway({
    site: 'e2e',
    transports,
    client,
    clock: systemClock,
    log: (entry) => log.push(entry),
    times: { countersMs: 1000 },
  });
  closers.push(() => gateway.close());
  const watcher = await Watcher.open(url, 'e2e');
  closers.push(() => watcher.close());
  return { ball: transports[0]!, watcher, traced, taps, gateway };
}

test('samples of all three probes arrive as SenML with units, at 4 Hz', async () => {
  const { watcher, taps } = await startRoad();
  for (const [index, kind] of kinds.entries()) {
    const status = await watcher.status(kind, ({ online }) => online === true);
    expect(status).toMatchObject({ intervalMs: 250, transport: boardUrl(kind) });
    const packs = await watcher.samples(`e2e/${status.id}`, 13, 0);
    for (const pack of packs) {
      expect(Object.fromEntries(pack.map(({ n, u }) => [n, u]))).toEqual(units[kind]);
      expect(pack[0]?.bn).toBe(`urn:dev:earl:${status.id}:`);
      for (const { v } of pack) expect(v).toEqual(expect.any(Number));
    }
    // What arrives is what left the pin, at the pace of the probe's own clock.
    const { sent, values } = taps[index]!;
    const delivered = packs.map(valuesOf);
    const first = values.indexOf(delivered[0]!);
    expect(delivered).toEqual(values.slice(first, first + delivered.length));
    const meanMs = (sent[12]!.timeMs - sent[0]!.timeMs) / 12;
    expect(meanMs).toBeGreaterThan(240);
    expect(meanMs).toBeLessThan(260);
    // The times are mapped to the wall: never backwards, and around now.
    const times = timesOf(packs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.abs(times.at(-1)! - Date.now() / 1000)).toBeLessThan(60);
  }
});

test('a colour is acknowledged end to end, and the registers change as traced on the I2C bus', async () => {
  const { ball, watcher, traced } = await startRoad();
  const status = await watcher.status('ball', ({ online }) => online === true);
  const path = `e2e/${status.id}`;
  await watcher.next(({ topic }) => topic === `${path}/leds`, 0);
  const from = watcher.seen.length;
  const bus = traced.length;
  const times = { effect: 0, fadeOnMs: 0, onMs: 0, fadeOffMs: 0, offMs: 0 };
  const result = await watcher.client.command(path, {
    name: 'set_color',
    leds: 1,
    red: 255,
    green: 0,
    blue: 255,
    ...times,
  });
  expect(result).toMatchObject({ status: 'ok', data: expect.arrayContaining([15, 0, 15]) });
  expect(result.linkMs).toBeGreaterThan(0);

  const writes = traced.slice(bus).filter((event) => event.kind === 'i2c' && event.addr === 0x45);
  expect(writes.length).toBeGreaterThan(0);
  expect(writes.every((event) => event.kind === 'i2c' && event.ack)).toBe(true);

  // What the gateway publishes is what the chip holds.
  const held = [...ball.board!.ledDriver.registers].slice(0, 10);
  const isHeld = ({ registers }: { registers: number[] }) => registers.every((value, index) => value === held[index]);
  await watcher.next(({ topic, data }) => topic === `${path}/leds` && isHeld(data as { registers: number[] }), from);
  const lit = ledOutputs.filter((name, index) => name && ball.board!.ledDriver.brightness(index) > 0);
  expect(lit).toEqual(['lower.red', 'lower.blue']);
});

test('a button press arrives as an event; counters come with what the link counted', async () => {
  const { ball, watcher } = await startRoad();
  const { id } = await watcher.status('ball', ({ online }) => online === true);
  await watcher.samples(`e2e/${id}`, 1);
  const from = watcher.seen.length;
  ball.board!.pressButton();
  const event = await watcher.next(({ topic }) => topic === `e2e/${id}/events`, from);
  expect(event.data).toMatchObject({ event: 'button_pressed', value: 1, time: expect.any(Number) });
  const counters = await watcher.next(({ topic }) => topic === `e2e/${id}/counters`, 0);
  expect(counters.data).toMatchObject({
    crcErrors: 0,
    i2cErrors: 0,
    resetCause: 'power_on',
    link: { lost: 0, crcErrors: 0, frameErrors: 0 },
    dropped: { samples: 0, events: 0 },
  });
});

test('a probe that restarts is greeted again, and says why it did', async () => {
  const { ball, watcher } = await startRoad();
  const { id, boots } = await watcher.status('ball', ({ online }) => online === true);
  expect(boots).toBe(1);
  await watcher.samples(`e2e/${id}`, 2);
  expect(await watcher.client.command(`e2e/${id}`, { name: 'reset' })).toMatchObject({ status: 'ok' });
  const second = await watcher.status('ball', (status) => status.boots === 2);
  expect(second).toMatchObject({ online: true, id: id!, resetCause: 'software' });
  ball.board!.pressReset();
  const third = await watcher.status('ball', (status) => status.boots === 3);
  expect(third).toMatchObject({ online: true, id: id!, resetCause: 'reset_pin' });
  expect(await watcher.client.command(`e2e/${id}`, { name: 'ping' })).toMatchObject({ status: 'ok' });
  await watcher.samples(`e2e/${id}`, 2);
});

test('a command under way when the probe is reset is executed once at most, and its sender knows', async () => {
  const { ball, watcher, traced } = await startRoad();
  const { id } = await watcher.status('ball', ({ online }) => online === true);
  await watcher.samples(`e2e/${id}`, 1);
  const from = traced.length;
  const command = { name: 'write_registers', address: 0x45, register: 0x08, values: [0xf7] };
  const result = watcher.client.command(`e2e/${id}`, command);
  await vi.waitFor(() => expect(writesOf(traced.slice(from))).toBe(1), { interval: 1, timeout: 10_000 });
  ball.board!.pressReset(); // the register is written, the ack is on its way or lost
  expect(['ok', 'unknown']).toContain((await result).status);
  await watcher.status('ball', (status) => status.boots === 2);
  expect(await watcher.client.command(`e2e/${id}`, { name: 'ping' })).toMatchObject({ status: 'ok' });
  expect(writesOf(traced.slice(from))).toBe(1);

  /** Bus transactions that carried the command. */
  function writesOf(events: readonly TraceEvent[]): number {
    return events.filter((event) => event.kind === 'i2c' && event.write.length === 2 && event.write[1] === 0xf7).length;
  }
});

/** The released images need no word. */
const upProbes =
  boardUrl('ball') === 'emu:ball' ? [] : ['--no-probes', ...kinds.flatMap((k) => ['--probe', boardUrl(k)])];

test('`earl up`: three probes for a bare WebSocket, a clean end on Ctrl-C', async () => {
  const up = earl('up', '--port', '0', '--site', 'home', '--json', ...upProbes);
  const { websocket, url } = await up.line(({ event }) => event === 'listening');
  const online = await Promise.all(kinds.map((kind) => up.line((l) => l.event === 'probe-online' && l.kind === kind)));
  expect(new Set(online.map(({ id }) => id)).size).toBe(3);
  expect((await fetch(`${url}/health`)).status).toBe(200);

  const socket = new WebSocket(websocket as string, 'earl.v1.json');
  closers.push(async () => socket.terminate());
  const heard = new Map<string, SenmlRecord[]>();
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.send(JSON.stringify({ op: 'hello' }));
      socket.send(JSON.stringify({ op: 'subscribe', id: 1, filter: 'home/+/samples' }));
    });
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ServerMessage;
      if (message.op !== 'message') return;
      heard.set(message.topic, message.data as unknown as SenmlRecord[]);
      if (heard.size === 3) resolve();
    });
  });
  expect([...heard.keys()].sort()).toEqual(online.map(({ id }) => `home/${id}/samples`).sort());
  for (const pack of heard.values()) expect(pack.every(({ u }) => typeof u === 'string')).toBe(true);
  socket.terminate();

  expect(await up.stop('SIGINT')).toBe(0);
});

test('a taken port is said, with exit code 4', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => taken.close(resolve)));
  const { port } = taken.address() as { port: number };
  const up = earl('up', '--port', `${port}`);
  expect(await up.exit()).toBe(4);
  expect(up.text).toContain(`port ${port}`);
  expect(up.text).toContain(`--port ${port + 1}`);
});

test.each([
  [['gateway'], /no probe was named/],
  [['gateway', '--probe', 'usb:1'], /no transport/],
  [['gateway', '--tcp', 'nowhere'], /TCP address/],
  [['gateway', '--probe', 'emu:ball', '--site', 'a/b'], /no name for a site/],
  [['gateway', '--probe', 'emu:ball', '--counters', 'soon'], /not a duration/],
  [['gateway', '--probe', 'emu:ball', '--cloud', 'nonsense'], /nonsense/],
  [['up', '--port', '99999'], /0 to 65535/],
] as const)('earl %j explains itself and exits with 2', async (args, message) => {
  const process = earl(...args);
  expect(await process.exit()).toBe(2);
  expect(process.text).toMatch(message);
});

test('a gateway without the token says so and ends', async () => {
  const cloud = await startCloud({ port: 0, token: 'secret' });
  closers.push(() => cloud.close());
  const url = cloud.url.replace(/^http/, 'ws');
  const refused = earl('gateway', '--probe', boardUrl('ball'), '--cloud', url);
  expect(await refused.exit()).toBe(1);
  expect(refused.text).toContain('earl: ');
  expect(refused.text).toMatch(/token/);
});

test('both commands have help with examples', async () => {
  for (const command of ['gateway', 'up']) {
    const help = earl(command, '--help');
    expect(await help.exit()).toBe(0);
    expect(help.text).toMatch(new RegExp(`Examples:\\n {2}\\$ earl ${command}`));
  }
});

test('the last words of a gateway are the deaths of its probes', async () => {
  const { watcher, gateway } = await startRoad();
  await watcher.status('arm', ({ online }) => online === true);
  const from = watcher.seen.length;
  await gateway.close();
  const death = await watcher.status('arm', ({ online }) => online === false, from);
  expect(death.reason).toBe('the gateway was stopped');
  const topic = `e2e/${death.id}/status`;
  const late = await Watcher.open(watcher.url, 'e2e');
  closers.push(() => late.close());
  const kept = await late.next((seen) => seen.topic === topic, 0);
  expect(kept).toMatchObject({ retained: true, data: { online: false } });
});
