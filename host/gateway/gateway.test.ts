import { beforeEach, expect, test } from 'vitest';
import type { CloudClient, CommandCall } from '../../cloud/client/client.ts';
import type { CommandObject, CommandResult, Json, WillMessage } from '../../cloud/protocol/messages.ts';
import { EarlError } from '../../errors/index.ts';
import { ModelProbe } from '../../test/link/model-probe.ts';
import { VirtualClock } from '../link/index.ts';
import type { Connection, ConnectionHandlers, Transport } from '../transport/transport.ts';
import { Gateway, type GatewayOptions } from './gateway.ts';
import type { LogEntry } from './log.ts';

type Answer = (probe: string, command: CommandObject, call: CommandCall) => Promise<CommandResult>;
type Published = { topic: string; data: Json; seq: number; retain: boolean };

/** A cloud that acknowledges everything while it is there. */
class ScriptedCloud {
  connected = true;
  published: Published[] = [];
  served: string[] = [];
  will: readonly WillMessage[] = [];
  answer: Answer = () => Promise.reject(new Error('not served'));
  private changed: (connected: boolean) => void = () => {};
  private calls = 0;

  onState(changed: (connected: boolean) => void): () => void {
    this.changed = changed;
    return () => {};
  }

  async publishAcknowledged(topic: string, data: Json, seq: number, options?: { retain?: boolean }): Promise<void> {
    if (!this.connected) throw new EarlError('CLOUD_DISCONNECTED', 'away');
    this.published.push({ topic, data, seq, retain: options?.retain ?? false });
  }

  async setWill(messages: readonly WillMessage[]): Promise<void> {
    this.will = messages;
  }

  async serve(probes: string[], answer: Answer): Promise<void> {
    this.served = probes;
    this.answer = answer;
  }

  command(probe: string, command: CommandObject, id = `call-${++this.calls}`): Promise<CommandResult> {
    return this.answer(probe, command, { id, timeoutMs: 5000 });
  }

  setConnected(connected: boolean): void {
    this.connected = connected;
    this.changed(connected);
  }

  /** What was published on a channel, oldest first. */
  on(channel: string): Json[] {
    return this.published.filter(({ topic }) => topic.endsWith(`/${channel}`)).map(({ data }) => data);
  }

  /** The last values that a new subscriber would see. */
  status(): { [field: string]: Json } {
    return this.on('status').at(-1) as { [field: string]: Json };
  }
}

/** A cable to a model probe that can be unplugged and plugged in again. */
class Cable implements Transport {
  readonly url: string;
  readonly exclusive: boolean;
  baud?: number;
  plugged = true;
  disposed = false;
  attempts = 0;
  probe: ModelProbe;
  private handlers: ConnectionHandlers | undefined;

  constructor(url: string, probe: ModelProbe, exclusive = false) {
    this.url = url;
    this.probe = probe;
    this.exclusive = exclusive;
  }

  async connect(handlers: ConnectionHandlers): Promise<Connection> {
    this.attempts++;
    if (!this.plugged) throw new EarlError('TRANSPORT_NOT_FOUND', `${this.url} is not there`);
    this.handlers = handlers;
    return { write: (bytes) => this.down(bytes), close: async () => this.end() };
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.end();
  }

  unplug(): void {
    this.plugged = false;
    this.end(new EarlError('TRANSPORT_LOST', 'unplugged'));
  }

  private async down(bytes: Uint8Array): Promise<void> {
    // Bytes travel by the event loop, as every transport promises.
    await Promise.resolve();
    this.probe.send = (up) => this.handlers?.onData(up);
    this.probe.receive(bytes);
  }

  get connected(): boolean {
    return this.handlers !== undefined;
  }

  private end(error?: EarlError): void {
    const { handlers } = this;
    this.handlers = undefined;
    handlers?.onClose(error);
  }
}

const PATH = 'lab/0200000000000001';
let cloud: ScriptedCloud;
let clock: VirtualClock;
let log: LogEntry[];

function gatewayOf(cables: Cable[], options: Partial<GatewayOptions> = {}): Gateway {
  return new Gateway({
    site: 'lab',
    transports: cables,
    client: cloud as unknown as CloudClient,
    clock,
    log: (entry) => log.push(entry),
    random: () => 0.5,
    ...options,
  });
}

/** Sends samples at the probe's pace. */
async function samples(probe: ModelProbe, count: number, from = 0): Promise<void> {
  for (let index = 0; index < count; index++) {
    probe.sample(from + index * probe.intervalMs);
    await clock.advance(probe.intervalMs);
  }
}

const logged = (event: string) => log.filter((entry) => entry.event === event);

beforeEach(() => {
  cloud = new ScriptedCloud();
  clock = new VirtualClock(Date.UTC(2026, 0, 1));
  log = [];
});

test('a birth is retained, samples are SenML with wall time, and the probe is served', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)]);
  await clock.advance(10);
  expect(cloud.published[0]).toMatchObject({
    topic: `${PATH}/status`,
    retain: true,
    data: { online: true, kind: 'ball', id: '0200000000000001', firmware: '1.0.0', capabilities: ['leds', 'button'] },
  });
  expect(cloud.status()).toMatchObject({ intervalMs: 250, transport: 'tcp:1', time: '2026-01-01T00:00:00.000Z' });
  expect(cloud.served).toEqual([PATH]);
  probe.sample(1000);
  await clock.advance(0);
  const [pack] = cloud.on('samples');
  expect(pack).toMatchObject([
    { bn: 'urn:dev:earl:0200000000000001:', bt: Date.UTC(2026, 0, 1) / 1000 + 0.01, n: 'presses', u: 'count', v: 0 },
    { n: 'button', v: 0 },
  ]);
  expect(cloud.published.at(-1)?.retain).toBe(false);
});

test('the will says of every probe what holds when the gateway is gone, and is empty after a clean end', async () => {
  const probe = new ModelProbe();
  const cable = new Cable('tcp:1', probe);
  const gateway = gatewayOf([cable]);
  await clock.advance(10);
  const [birth] = cloud.on('status');
  const died = { ...(birth as object), online: false, reason: 'the gateway is gone' };
  expect(cloud.will).toEqual([{ topic: `${PATH}/status`, retain: true, data: died }]);
  cable.unplug();
  await clock.advance(10);
  expect(cloud.will).toEqual([{ topic: `${PATH}/status`, retain: true, data: cloud.status() }]);
  expect(cloud.status()).toMatchObject({ online: false, reason: 'unplugged' });
  const closed = gateway.close();
  await clock.advance(1000);
  await closed;
  expect(cloud.will).toEqual([]);
});

test('events and LED state keep their times; LED state is retained', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)]);
  await clock.advance(10);
  probe.emit({ name: 'event', timeMs: 5, event: 3, value: 7 });
  probe.emit({ name: 'led_state', timeMs: 5, registers: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) });
  await clock.advance(0);
  const time = Date.UTC(2026, 0, 1) / 1000 + 0.01;
  expect(cloud.on('events')).toEqual([{ event: 'button_pressed', value: 7, time }]);
  expect(cloud.on('leds')).toEqual([{ registers: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], time }]);
  expect(cloud.published.filter(({ retain }) => retain).map(({ topic }) => topic)).toEqual([
    `${PATH}/status`,
    `${PATH}/leds`,
  ]);
});

test('a lost frame is counted, and is not silence', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)]);
  await clock.advance(10);
  await samples(probe, 3);
  probe.nextSequence();
  await samples(probe, 3, 1000);
  const counts = { rxBytes: 1, txBytes: 2, crcErrors: 3, frameErrors: 0, overruns: 0, txDropped: 0 };
  const more = { i2cErrors: 0, boots: 1, resetCause: 2, stackHighWater: 90 };
  probe.emit({ name: 'counters', timeMs: 2000, awakeMs: 40, ...counts, ...more });
  await clock.advance(0);
  expect(cloud.on('counters').at(-1)).toMatchObject({
    upMs: 2000,
    awakeMs: 40,
    crcErrors: 3,
    resetCause: 'watchdog',
    stackHighWater: 90,
    link: { lost: 1, crcErrors: 0, frameErrors: 0 },
    dropped: { samples: 0, events: 0 },
  });
  expect(cloud.on('status')).toHaveLength(1);
});

test('counters are asked for, slowly', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)], { times: { countersMs: 4000 } });
  await samples(probe, 40);
  expect(probe.executed).toEqual(['get_counters', 'get_counters', 'get_counters']);
});

test('without samples for three intervals a probe is quiet, and well again with the next one', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)], { times: { quietGraceMs: 200 } });
  await samples(probe, 4);
  await clock.advance(650);
  expect(cloud.status()).toMatchObject({ online: true });
  expect(cloud.status().reason).toBeUndefined();
  await clock.advance(60);
  expect(cloud.status()).toMatchObject({ online: true, reason: 'quiet' });
  expect(logged('probe-quiet')).toHaveLength(1);
  await samples(probe, 1, 3000);
  expect(cloud.status().reason).toBeUndefined();
  expect(cloud.status()).toMatchObject({ online: true });
});

test('a slower interval, once acknowledged, is published and does not look like silence', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)]);
  await samples(probe, 4);
  const result = cloud.command(PATH, { name: 'set_interval', intervalMs: 5000 });
  await clock.advance(10);
  expect(await result).toMatchObject({ status: 'ok' });
  expect(cloud.status()).toMatchObject({ intervalMs: 5000 });
  await clock.advance(4900);
  expect(cloud.status().reason).toBeUndefined();
});

test('a probe that does not answer any more dies, and its transport is opened anew', async () => {
  const probe = new ModelProbe();
  const cable = new Cable('tcp:1', probe);
  gatewayOf([cable]);
  await samples(probe, 4);
  const { receive } = probe;
  probe.receive = () => {};
  await clock.advance(20_000);
  expect(cloud.status()).toMatchObject({ online: false, reason: 'it does not answer' });
  expect(cable.attempts).toBeGreaterThan(1);
  probe.receive = receive;
  await clock.advance(10_000);
  expect(cloud.status()).toMatchObject({ online: true });
});

test('unplugged: death with a reason, backoff for ever, birth when it is back', async () => {
  const probe = new ModelProbe();
  const cable = new Cable('tcp:1', probe);
  gatewayOf([cable]);
  await clock.advance(10);
  cable.unplug();
  await clock.advance(0);
  expect(cloud.status()).toMatchObject({ online: false, reason: 'unplugged' });
  await clock.advance(600_000);
  expect(cable.attempts).toBeGreaterThan(100);
  expect(logged('transport-failed')).toHaveLength(1); // said once, not each time
  cable.plugged = true;
  await clock.advance(5000);
  expect(cloud.status()).toMatchObject({ online: true });
  expect(logged('probe-online')).toHaveLength(2);
});

test('a probe keeps its identity when it moves to another port', async () => {
  const probe = new ModelProbe();
  const first = new Cable('serial:A', probe);
  const second = new Cable('serial:B', probe);
  second.plugged = false;
  gatewayOf([first, second]);
  await clock.advance(10);
  first.unplug();
  second.plugged = true;
  await clock.advance(10_000);
  expect(cloud.status()).toMatchObject({ online: true, id: '0200000000000001', transport: 'serial:B' });
  expect(cloud.served).toEqual([PATH]);
  expect(logged('duplicate-id')).toHaveLength(0);
});

test('a transport that is removed is closed for good, and its probe is offline', async () => {
  const cable = new Cable('serial:A', new ModelProbe());
  const gateway = gatewayOf([cable]);
  await clock.advance(10);
  const removed = gateway.remove('serial:A');
  await clock.advance(10);
  await removed;
  expect(cloud.status()).toMatchObject({ online: false, reason: 'unplugged' });
  await clock.advance(20_000);
  expect([cable.attempts, cable.disposed]).toEqual([1, true]);
  const again = new Cable('serial:A', cable.probe);
  gateway.add(again);
  await clock.advance(10);
  expect(cloud.status()).toMatchObject({ online: true });
});

test('two transports with one id: the newest wins, once, and the other returns when that is lost', async () => {
  const first = new Cable('serial:A', new ModelProbe());
  const second = new Cable('serial:B', new ModelProbe());
  second.plugged = false;
  gatewayOf([first, second]);
  await samples(first.probe, 4);
  second.plugged = true;
  await samples(first.probe, 20);
  expect(cloud.status()).toMatchObject({ transport: 'serial:B', online: true });
  expect(logged('duplicate-id')).toHaveLength(1);
  await samples(second.probe, 800); // 200 s: the other one looks in every 30 s and yields
  expect(cloud.status()).toMatchObject({ transport: 'serial:B', online: true });
  expect(logged('duplicate-id')).toHaveLength(1);
  second.unplug();
  await clock.advance(1000);
  expect(cloud.status()).toMatchObject({ transport: 'serial:A', online: true });
});

test('a probe without an id is named after its port', async () => {
  const probe = new ModelProbe();
  probe.id = new Uint8Array(8);
  gatewayOf([new Cable('serial:A', probe)]);
  await clock.advance(10);
  expect(cloud.status().id).toMatch(/^ffff[0-9a-f]{12}$/);
});

test('an open port without a probe is said once', async () => {
  const cable = new Cable('serial:A', new ModelProbe());
  cable.probe.receive = () => {};
  gatewayOf([cable]);
  await clock.advance(120_000);
  expect(logged('no-probe')).toHaveLength(1);
  expect(cloud.published).toEqual([]);
});

test('a sample is as much older as its bits took on the UART', async () => {
  const cable = new Cable('serial:A', new ModelProbe());
  cable.baud = 9600;
  gatewayOf([cable]);
  await clock.advance(10);
  await samples(cable.probe, 1);
  const { data } = cloud.published.find(({ topic }) => topic === `${PATH}/samples`)!;
  const [{ bt }] = data as unknown as [{ bt: number }];
  // 14 or 15 bytes of ten bits; without a rate it would be 10 ms after the clock began.
  const stampMs = (bt - Date.UTC(2026, 0, 1) / 1000) * 1000;
  expect(stampMs).toBeGreaterThan(10 - 15.7);
  expect(stampMs).toBeLessThan(10 - 14.5);
});

test('a module without a probe behind it is let go of, for somebody else may want it, and tried now and then', async () => {
  const cable = new Cable('ble:a', new ModelProbe(), true);
  const { receive } = cable.probe;
  cable.probe.receive = () => {};
  gatewayOf([cable], { times: { strangerMs: 60_000 } });
  await clock.advance(30_000);
  expect([cable.attempts, cable.connected]).toEqual([1, false]);
  await clock.advance(120_000);
  expect(cable.attempts).toBeGreaterThan(1);
  expect(logged('no-probe')).toHaveLength(1);
  cable.probe.receive = receive;
  await clock.advance(120_000);
  expect(cloud.status()).toMatchObject({ online: true, transport: 'ble:a' });
});

test('commands: what the probe answered, and what never reached it', async () => {
  const probe = new ModelProbe();
  const cable = new Cable('tcp:1', probe);
  gatewayOf([cable]);
  await clock.advance(10);
  probe.ackData = Uint8Array.of(1, 2);
  const done = cloud.command(PATH, { name: 'ping' });
  await clock.advance(10);
  expect(await done).toMatchObject({ status: 'ok', data: [1, 2], linkMs: 0 });
  expect(await cloud.command(PATH, { name: 'dance' })).toMatchObject({ status: 'unknown_command' });
  expect(await cloud.command(PATH, { name: 'vibrate', duty: 300, durationMs: 1 })).toMatchObject({
    status: 'bad_argument',
    message: expect.stringContaining('duty cannot be 300'),
  });
  expect(await cloud.command('lab/ffff', { name: 'ping' })).toMatchObject({ status: 'unreachable' });
  cable.unplug();
  await clock.advance(0);
  expect(await cloud.command(PATH, { name: 'ping' })).toMatchObject({ status: 'unreachable' });
  expect(probe.executed).toEqual(['ping']);
});

test('the same call is executed once and answered twice', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)]);
  await clock.advance(10);
  const both = [1, 2].map(() => cloud.command(PATH, { name: 'led_test', test: 1, stepMs: 100 }, 'call-x'));
  await clock.advance(10);
  const [first, second] = await Promise.all(both);
  expect(second).toEqual(first);
  expect(first).toMatchObject({ status: 'ok' });
  expect(probe.executed).toEqual(['led_test']);
});

test('a restart between command and ack is `unknown`; the command is not sent again', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)]);
  await clock.advance(10);
  const { receive } = probe;
  probe.receive = () => {};
  const lost = cloud.command(PATH, { name: 'vibrate', duty: 50, durationMs: 100 });
  await clock.advance(10);
  probe.receive = receive;
  probe.restart();
  await clock.advance(1000);
  expect(await lost).toMatchObject({ status: 'unknown', message: expect.stringContaining('restarted') });
  expect(probe.executed).not.toContain('vibrate');
  expect(cloud.status()).toMatchObject({ online: true, boots: 2 });
  expect(logged('probe-restarted')).toHaveLength(1);
});

test('only so many commands wait for a probe', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)], { maxCommands: 2 });
  await clock.advance(10);
  probe.receive = () => {};
  const results = [1, 2, 3].map(() => cloud.command(PATH, { name: 'ping' }));
  expect(await results[2]).toMatchObject({ status: 'busy' });
  await clock.advance(5000);
  expect(await results[0]).toMatchObject({ status: 'timeout' });
  expect(probe.executed).toEqual([]);
});

test('while the cloud is away samples are kept; dropped ones are counted for their probe and reported', async () => {
  const probe = new ModelProbe();
  gatewayOf([new Cable('tcp:1', probe)], { spool: { maxMessages: 10, maxBytes: 100_000 } });
  await clock.advance(10);
  cloud.setConnected(false);
  cloud.published = [];
  await samples(probe, 14);
  expect(cloud.published).toEqual([]);
  cloud.setConnected(true);
  await clock.advance(0);
  expect(cloud.published[0]).toMatchObject({ topic: `${PATH}/status`, retain: true });
  expect(cloud.on('samples')).toHaveLength(10);
  expect(cloud.on('counters').at(-1)).toMatchObject({ dropped: { samples: 4, events: 0 } });
  expect(logged('spool-dropped')).toMatchObject([{ samples: 4, events: 0 }]);
  const numbers = cloud.published.map(({ seq }) => seq);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
});

test('a cloud that will not have this gateway is said once, and told to the caller', async () => {
  const refusals: unknown[] = [];
  cloud.serve = async () => {
    throw new EarlError('CLOUD_REFUSED', 'the token is wrong');
  };
  gatewayOf([new Cable('tcp:1', new ModelProbe())], { onRefused: (error) => refusals.push(error) });
  await clock.advance(5000);
  expect(refusals).toHaveLength(1);
  expect(logged('cloud-refused')).toMatchObject([{ level: 'error', message: 'the token is wrong' }]);
});

test('a clean end publishes every death and lets go of the transports', async () => {
  const cables = [new Cable('tcp:1', new ModelProbe()), new Cable('tcp:2', new ModelProbe())];
  cables[1]!.probe.id = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 2);
  const gateway = gatewayOf(cables);
  await clock.advance(10);
  const closed = gateway.close();
  await clock.advance(1000);
  await closed;
  const deaths = cloud.on('status').slice(-2);
  expect(deaths).toMatchObject([
    { id: '0200000000000001', online: false, reason: 'the gateway was stopped' },
    { id: '0200000000000002', online: false, reason: 'the gateway was stopped' },
  ]);
  expect(cables.map(({ disposed }) => disposed)).toEqual([true, true]);
  expect(await cloud.command(PATH, { name: 'ping' })).toMatchObject({ status: 'unreachable' });
});
