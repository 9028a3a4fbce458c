/** A gateway and probes that it may not take in, with a scripted cloud, model probes and a real store. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CloudClient } from '../../cloud/client/client.ts';
import type { CommandObject, CommandResult, Json, WillMessage } from '../../cloud/protocol/messages.ts';
import { ModelProbe } from '../../test/link/model-probe.ts';
import { formatKey, VirtualClock } from '../link/index.ts';
import { ProbeStore, type TrustMode, TrustPolicy } from '../probes/index.ts';
import type { ConnectionHandlers, Transport } from '../transport/transport.ts';
import { Gateway } from './gateway.ts';
import type { LogEntry } from './log.ts';
import { MAX_STRANGERS } from './probe-quarantine.ts';

const KEY = Uint8Array.from({ length: 16 }, (_, at) => 0x30 + at);
const ID = '0200000000000001';
const AIR = 'ble:aa:bb:cc:dd:ee:ff';

class Cloud {
  connected = true;
  readonly published: { topic: string; data: Json; retain: boolean }[] = [];
  served: string[] = [];
  will: readonly WillMessage[] = [];
  private answer: (path: string, command: CommandObject, call: object) => Promise<CommandResult> = () =>
    Promise.reject(new Error('not served'));

  onState(): () => void {
    return () => {};
  }

  async publishAcknowledged(topic: string, data: Json, _: number, options?: { retain?: boolean }): Promise<void> {
    this.published.push({ topic, data, retain: options?.retain ?? false });
  }

  async setWill(messages: readonly WillMessage[]): Promise<void> {
    this.will = messages;
  }

  async serve(probes: string[], answer: typeof this.answer): Promise<void> {
    this.served = probes;
    this.answer = answer;
  }

  command(path: string, name: string): Promise<CommandResult> {
    return this.answer(path, { name }, { id: `${Math.random()}`, timeoutMs: 1000 });
  }

  topics(): string[] {
    return this.published.map(({ topic }) => topic);
  }

  /** The last status of a probe. */
  status(id = ID): { [field: string]: Json } {
    return this.published.filter(({ topic }) => topic === `lab/${id}/status`).at(-1)?.data as { [field: string]: Json };
  }
}

/** A wire, or what a URL makes it pass for. */
class Wire implements Transport {
  readonly url: string;
  readonly probe: ModelProbe;
  private handlers: ConnectionHandlers | undefined;

  constructor(url: string, probe = new ModelProbe()) {
    this.url = url;
    this.probe = probe;
  }

  async connect(handlers: ConnectionHandlers) {
    this.handlers = handlers;
    const write = async (bytes: Uint8Array) => {
      await Promise.resolve();
      this.probe.send = (up) => this.handlers?.onData(up);
      this.probe.receive(bytes);
    };
    return { write, close: async () => this.end() };
  }

  async dispose(): Promise<void> {
    this.end();
  }

  end(): void {
    const { handlers } = this;
    this.handlers = undefined;
    handlers?.onClose();
  }
}

let root: string;
let store: ProbeStore;
let cloud: Cloud;
let clock: VirtualClock;
let log: LogEntry[];
let gateway: Gateway | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'earl-quarantine-'));
  store = new ProbeStore(join(root, 'probes'));
  cloud = new Cloud();
  clock = new VirtualClock(Date.UTC(2026, 0, 1));
  log = [];
});
afterEach(async () => {
  const closed = gateway?.close();
  await clock.advance(1000);
  await closed;
  gateway = undefined;
  rmSync(root, { recursive: true });
});

async function started(wires: Wire[], mode: TrustMode = 'wired'): Promise<void> {
  gateway = new Gateway({
    site: 'lab',
    transports: wires,
    client: cloud as unknown as CloudClient,
    clock,
    log: (entry) => log.push(entry),
    random: () => 0.5,
    trust: new TrustPolicy({ mode, store, wallMs: () => clock.wallMs() }),
  });
  await clock.advance(50);
}

const logged = (event: string) => log.filter((entry) => entry.event === event);

function withKey(key: Uint8Array | null = KEY): ModelProbe {
  const probe = new ModelProbe();
  probe.key = key ?? undefined;
  return probe;
}

test('an unknown probe by air: visible, noted, its data not relayed, its commands refused', async () => {
  const wire = new Wire(AIR, withKey());
  await started([wire]);
  for (let n = 0; n < 8; n++) wire.probe.sample(250 * n);
  wire.probe.emit({ name: 'event', timeMs: 5, event: 3, value: 7 });
  wire.probe.emit({ name: 'led_state', timeMs: 5, registers: new Uint8Array(10) });
  await clock.advance(3000);
  expect(new Set(cloud.topics())).toEqual(new Set([`lab/${ID}/status`]));
  expect(cloud.published.every(({ retain }) => retain)).toBe(true);
  expect(cloud.status()).toMatchObject({
    online: true,
    quarantined: true,
    kind: 'ball',
    transport: AIR,
    reason: 'it is not known here, and was not accepted yet',
    remedy: `earl probes accept ${ID} --key HEX`,
  });
  expect(cloud.served).toEqual([`lab/${ID}`]);
  expect(await cloud.command(`lab/${ID}`, 'ping')).toMatchObject({ status: 'quarantined' });
  expect(wire.probe.executed).toEqual([]);
  expect(store.get(ID)).toMatchObject({ status: 'waiting', via: AIR, kind: 'ball', authenticates: true });
  expect(logged('probe-quarantined')).toHaveLength(1);
  expect(logged('probe-online')).toEqual([]);
});

test('accepted while it waits: let in at once, on the same connection, and its status is clean', async () => {
  const wire = new Wire(AIR, withKey());
  await started([wire]);
  new ProbeStore(store.folder).update(ID, (record) => ({ ...record!, status: 'accepted', key: formatKey(KEY) }));
  await vi.waitFor(async () => {
    await clock.advance(10);
    expect(logged('probe-online')).toHaveLength(1);
  }, 10_000);
  wire.probe.sample(1000);
  await clock.advance(10);
  expect(cloud.topics().filter((topic) => topic.endsWith('/samples'))).toHaveLength(1);
  expect(cloud.status()).toMatchObject({ online: true });
  expect(cloud.status()).not.toHaveProperty('quarantined');
  expect(cloud.status()).not.toHaveProperty('remedy');
  const answer = cloud.command(`lab/${ID}`, 'ping');
  await clock.advance(10);
  expect(await answer).toMatchObject({ status: 'ok' });
  expect(logged('probe-offline')).toEqual([]);
});

test('refused while it is online: out at once', async () => {
  store.put({ id: ID, status: 'accepted', key: formatKey(KEY) });
  const wire = new Wire(AIR, withKey());
  await started([wire]);
  expect(logged('probe-online')).toHaveLength(1);
  new ProbeStore(store.folder).update(ID, (record) => ({ ...record!, status: 'refused', reason: 'lost on a train' }));
  await vi.waitFor(async () => {
    await clock.advance(10);
    expect(cloud.status()).toMatchObject({ quarantined: true, reason: 'you refused it (lost on a train)' });
  }, 10_000);
  const count = cloud.published.length;
  wire.probe.sample(5000);
  await clock.advance(100);
  expect(cloud.published.slice(count)).toEqual([]);
});

test('on a wire an unknown probe is relayed as before, and leaves no trace in the store', async () => {
  const wire = new Wire('serial:/dev/ttyACM0', withKey());
  await started([wire]);
  wire.probe.sample(10);
  await clock.advance(10);
  expect(cloud.topics()).toContain(`lab/${ID}/samples`);
  expect(store.list()).toEqual([]);
});

test.each([
  ['another key', withKey(KEY.map((byte) => byte ^ 0x80))],
  ['no key', withKey(null)],
])('on a wire a probe whose key is known must have it: %s', async (_, probe) => {
  store.put({ id: ID, status: 'accepted', key: formatKey(KEY) });
  await started([new Wire('serial:/dev/ttyACM0', probe)]);
  probe.sample(10);
  await clock.advance(1000);
  expect(new Set(cloud.topics())).toEqual(new Set([`lab/${ID}/status`]));
  expect(cloud.status()).toMatchObject({ quarantined: true });
});

test('an impostor by air cannot take the name of a probe that is online', async () => {
  store.put({ id: ID, status: 'accepted', key: formatKey(KEY) });
  const real = new Wire('serial:/dev/ttyACM0', withKey());
  await started([real]);
  const before = cloud.published.length;
  const impostor = new Wire(AIR, withKey(KEY.map((byte) => byte ^ 1)));
  gateway!.add(impostor);
  await clock.advance(200);
  impostor.probe.sample(10);
  real.probe.sample(10);
  await clock.advance(10);
  expect(cloud.published.slice(before).map(({ topic }) => topic)).toEqual([`lab/${ID}/samples`]);
  expect(logged('probe-quarantined')).toHaveLength(1);
  expect(logged('duplicate-id')).toEqual([]);
  impostor.end(); // its going is no news of the real one either
  await clock.advance(10);
  expect(cloud.status()).toMatchObject({ online: true, transport: 'serial:/dev/ttyACM0' });
});

test('a quarantined probe that goes is offline; the real one that comes is clean', async () => {
  store.put({ id: ID, status: 'accepted', key: formatKey(KEY) });
  const impostor = new Wire(AIR, withKey(KEY.map((byte) => byte ^ 1)));
  await started([impostor]);
  expect(cloud.status()).toMatchObject({ online: true, quarantined: true });
  void gateway!.remove(AIR);
  await clock.advance(10);
  expect(cloud.status()).toMatchObject({ online: false, quarantined: true });
  gateway!.add(new Wire('ble:11:22:33:44:55:66', withKey()));
  await clock.advance(50);
  expect(cloud.status()).toMatchObject({ online: true, transport: 'ble:11:22:33:44:55:66' });
  expect(cloud.status()).not.toHaveProperty('quarantined');
});

test('another stranger on the same connection takes the place of the first', async () => {
  const wire = new Wire(AIR, withKey());
  await started([wire]);
  wire.probe.id = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9);
  wire.probe.start();
  await clock.advance(600);
  expect(cloud.status()).toMatchObject({ online: false, reason: 'another probe took its place' });
  expect(cloud.status('0909090909090909')).toMatchObject({ online: true, quarantined: true });
});

test('a damaged record lets nobody in, and says what to do', async () => {
  store.put({ id: ID, status: 'accepted', key: formatKey(KEY) });
  writeFileSync(join(store.folder, `${ID}.json`), '{');
  await started([new Wire('serial:/dev/ttyACM0', withKey())]);
  expect(cloud.status()).toMatchObject({ quarantined: true, remedy: `earl probes show ${ID}` });
  expect(cloud.status().reason).toContain('earl probes forget');
});

test('strangers without end: a few are shown, those that went are taken back', async () => {
  const wires = Array.from({ length: MAX_STRANGERS + 2 }, (_, n) => {
    const probe = new ModelProbe();
    probe.id = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, n + 1);
    return new Wire(`ble:00:00:00:00:00:${n.toString(16).padStart(2, '0')}`, probe);
  });
  await started(wires);
  const shown = () => new Set(cloud.topics());
  expect(shown().size).toBe(MAX_STRANGERS);
  expect(logged('probe-quarantined')).toHaveLength(wires.length);
  void gateway!.remove(wires[0]!.url);
  await clock.advance(10);
  const late = new Wire('ble:ff', new ModelProbe());
  gateway!.add(late);
  await clock.advance(50);
  expect(cloud.status('0909090909090901')).toBeNull();
  expect(cloud.status()).toMatchObject({ quarantined: true });
  expect(cloud.served).toHaveLength(MAX_STRANGERS);
});

test('--trust all asks nothing and keeps no watch; --trust none asks on a wire too', async () => {
  await started([new Wire(AIR, withKey())], 'all');
  expect(logged('probe-online')).toHaveLength(1);
  await gateway!.close();
  cloud = new Cloud();
  await started([new Wire('emu:ball', withKey())], 'none');
  expect(cloud.status()).toMatchObject({ quarantined: true });
});

test('authenticate is no command for clients of the cloud: they could pass the proof off as theirs', async () => {
  await started([new Wire('serial:/dev/ttyACM0', withKey())]);
  expect(await cloud.command(`lab/${ID}`, 'authenticate')).toMatchObject({ status: 'unknown_command' });
});
