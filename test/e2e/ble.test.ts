/**
 * A Bluetooth link breaks and comes back: probes with the released firmware behind bridge modules on a virtual air, the
 * gateway and the cloud in this process. The air goes silent between the gateway and one of three probes until the
 * supervision timeout ends the link at both ends. What is delivered is compared with what left each probe's UART.
 */

import { afterEach, expect, test, vi } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import type { Json } from '../../cloud/protocol/messages.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { attachBridge, type BridgeKind, bridgeName } from '../../host/bridge/index.ts';
import { Board, Pacer, type TraceEvent } from '../../host/emulator/index.ts';
import { Gateway, systemClock } from '../../host/gateway/index.ts';
import { buildInfoSegment, FrameReceiver, formatId } from '../../host/link/index.ts';
import { openCentral, VirtualAir, type VirtualController } from '../../host/radio/index.ts';
import { BleAdapters, BleTransport } from '../../host/transport/ble.ts';
import type { BleCentral } from '../../host/transport/ble-adapter.ts';
import { defaultId } from '../../host/transport/emulated.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { nodeTimers } from '../../host/transport/node-timers.ts';
import type { Connection, ConnectionHandlers, Transport } from '../../host/transport/transport.ts';
import { boardImage } from './images.ts';
import { timesOf, Watcher } from './watcher.ts';
import { valuesOf, WireTap } from './wire-tap.ts';

vi.setConfig({ testTimeout: 60_000 });

const SITE = 'e2e';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A board with a module on the air; `sequences` holds the number of every frame that left its UART. */
async function startProbe(air: VirtualAir, kind: string, bridge: BridgeKind, seed: number) {
  const id = defaultId(kind, seed);
  const tap = new WireTap();
  const sequences: number[] = [];
  const frames = new FrameReceiver(({ sequence }) => sequences.push(sequence));
  const trace = (event: TraceEvent) => {
    tap.trace(event);
    if (event.kind === 'uart' && event.dir === 'tx') frames.push(Uint8Array.of(event.byte));
  };
  const board = new Board({ image: readImage(boardImage(kind)), info: { D: buildInfoSegment(id) }, seed, trace });
  const pacer = new Pacer(board, nodeTimers);
  const controller = air.attach({ name: `${kind} ${seed}` });
  const name = bridgeName(formatId(id));
  const wake = () => pacer.kick();
  const module = await attachBridge({ kind: bridge, board, adapter: controller.port, name, wake });
  pacer.start();
  closers.push(async () => {
    pacer.stop();
    await module.close();
  });
  return { id: formatId(id), path: `${SITE}/${formatId(id)}`, kind, name, controller, tap, sequences };
}

/** Notes the number of every frame that came out of a transport. */
class Listening implements Transport {
  readonly url: string;
  readonly baud: number;
  readonly heard: number[] = [];
  private readonly inner: Transport;

  constructor(inner: BleTransport) {
    this.inner = inner;
    this.url = inner.url;
    this.baud = inner.baud;
  }

  connect(handlers: ConnectionHandlers): Promise<Connection> {
    const frames = new FrameReceiver(({ sequence }) => this.heard.push(sequence));
    const onData = (bytes: Uint8Array) => {
      frames.push(bytes);
      handlers.onData(bytes);
    };
    return this.inner.connect({ ...handlers, onData });
  }

  dispose(): Promise<void> {
    return this.inner.dispose();
  }
}

async function startRoad(air: VirtualAir, names: readonly string[]) {
  const cloud = await startCloud({ port: 0 });
  closers.push(() => cloud.close());
  const url = cloud.url.replace(/^http/, 'ws');
  const watcher = await Watcher.open(url, SITE);
  closers.push(() => watcher.close());
  const client = connect({ url });
  closers.push(() => client.close());
  let adapter: VirtualController | undefined;
  const adapters = new BleAdapters({
    intervalMs: 15,
    times: { supervisionMs: 400, findMs: 2000, scanMs: 500 },
    open: async (_url, onGone) => {
      adapter = air.attach({ name: 'gateway' });
      return (await openCentral(adapter.port, { onGone })) as unknown as BleCentral;
    },
  });
  const transports = names.map((name) => new Listening(new BleTransport(`ble:${name}`, adapters)));
  const times = { countersMs: 300, reconnectFirstMs: 50, reconnectLongestMs: 200 };
  const gateway = new Gateway({ site: SITE, transports, client, clock: systemClock, log: () => {}, times });
  closers.push(() => gateway.close());
  return { watcher, transports, adapter: () => adapter! };
}

const linkOf = (data: Json) => (data as { link: { lost: number; duplicates: number } }).link;

test('a link that is lost comes back: nothing twice, every loss counted, the others undisturbed', async () => {
  const air = new VirtualAir({ seed: 3, lossRate: 0.01 });
  closers.push(() => air.close());
  const probes = [
    await startProbe(air, 'light', 'nus', 1),
    await startProbe(air, 'arm', 'rn487x', 2),
    await startProbe(air, 'ball', 'hm10', 3),
  ];
  const { watcher, transports, adapter } = await startRoad(
    air,
    probes.map(({ name }) => name),
  );
  const [victim, ...others] = probes;
  for (const { path } of probes) await watcher.samples(path, 3, 0);

  const cutAt = watcher.seen.length;
  const sentBefore = victim!.tap.sent.length;
  air.setPath(adapter(), victim!.controller, { lossRate: 1 });
  const death = await watcher.status(victim!.kind, ({ online }) => online === false, cutAt);
  expect(death.reason).toMatch(/supervision timeout/);
  // The probe sent while nobody heard it: until its module had noticed, too.
  expect(victim!.tap.sent.length).toBeGreaterThan(sentBefore);
  const backAt = watcher.seen.length;
  air.setPath(adapter(), victim!.controller, {});
  await watcher.status(victim!.kind, ({ online }) => online === true, backAt);
  await watcher.samples(victim!.path, 4, backAt);
  for (const { path } of others) await watcher.samples(path, 3, backAt);

  for (const [at, { path, tap, sequences }] of probes.entries()) {
    const { heard } = transports[at]!;
    const from = watcher.seen.length;
    const counted = await watcher.next(({ topic }) => topic === `${path}/counters`, from);
    const { lost, duplicates } = linkOf(counted.data);
    const known = new Set(heard);
    const [first, last] = [sequences.indexOf(heard[0]!), sequences.indexOf(heard.at(-1)!)];
    const missed = sequences.slice(first, last + 1).filter((sequence) => !known.has(sequence));
    expect({ path, lost, duplicates }).toEqual({ path, lost: missed.length, duplicates: 0 });
    expect(missed.length > 0).toBe(at === 0);

    const packs = await watcher.samples(path, 1, 0);
    const times = timesOf(packs);
    expect(times.every((time, n) => n === 0 || time > times[n - 1]!)).toBe(true);
    expect(isSubsequence(packs.map(valuesOf), tap.values)).toBe(true);
  }
});

/** In order, each at most once. */
function isSubsequence(delivered: readonly string[], sent: readonly string[]): boolean {
  let at = 0;
  return delivered.every((values) => {
    while (at < sent.length && sent[at] !== values) at++;
    return at++ < sent.length;
  });
}
