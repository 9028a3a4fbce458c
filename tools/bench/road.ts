/**
 * How long the road takes beyond the UART: from the stop bit of a sample's last byte to its arrival at a subscriber.
 *
 *     node tools/run.mjs tools/bench/road.ts [--seconds 30] [--probes ball,arm,light] [--interval 250] [--images FOLDER]
 *
 * Emulated boards in real time, gateway, cloud and subscriber run in this one process and over loopback, so that one
 * clock stamps both ends; a board's time is laid on it at power-on. A peer runs beside them: one more board whose bytes
 * go through a bare WebSocket, no session, no broker, no acknowledgement. Before the numbers are printed as JSON they
 * are verified: every sample that left a pin arrived, once, in order and with its values. Exits with 1 when not.
 */

import { execFileSync } from 'node:child_process';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';
import { connect } from '../../cloud/client/index.node.ts';
import type { SenmlRecord } from '../../cloud/protocol/messages.ts';
import { startCloud } from '../../cloud/server/index.ts';
import type { Timers } from '../../host/emulator/index.ts';
import { Gateway, systemClock } from '../../host/gateway/index.ts';
import { decodeMessage, encodeFrame, FrameReceiver, isSample, type Packet, senmlPack } from '../../host/link/index.ts';
import { type EmulatedTransport, emulatedTransport } from '../../host/transport/emulated.ts';
import { nodeTimers } from '../../host/transport/node-timers.ts';

const GOAL_P99_MS = 30;
const BAUD = 9600;
const SITE = 'bench';

/** A sample that left a pin, or arrived. */
interface Stamp {
  readonly values: string;
  readonly ms: number;
}

/** A board, and when its samples left. */
class StampedBoard {
  readonly transport: EmulatedTransport;
  readonly left: Stamp[] = [];
  readonly uartMs: number[] = [];
  readonly complaints: string[] = [];
  private powerOnMs: number | undefined;

  constructor(url: string) {
    let nowMs = 0;
    const wire = new FrameReceiver((packet) => this.take(packet, nowMs));
    // The pacer's first look at the clock is when the board's time begins.
    const timers: Timers = {
      after: nodeTimers.after,
      now: () => {
        const now = nodeTimers.now();
        this.powerOnMs ??= now;
        return now;
      },
    };
    this.transport = emulatedTransport(url, {
      timers,
      log: (message) => this.complaints.push(message),
      trace: (event) => {
        if (event.kind !== 'uart' || event.dir !== 'tx') return;
        nowMs = this.powerOnMs! + event.t * 1000;
        wire.push(Uint8Array.of(event.byte));
      },
    });
  }

  private take(packet: Packet, ms: number): void {
    const message = decodeMessage(packet);
    if (typeof message === 'string' || !isSample(message)) return;
    this.left.push({ values: valuesOf(senmlPack(message, '', 0)), ms });
    this.uartMs.push((encodeFrame(packet).length * 10 * 1000) / BAUD);
  }
}

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    probes: { type: 'string', default: 'ball,arm,light' },
    interval: { type: 'string', default: '250' },
    images: { type: 'string' },
  },
});
const seconds = Number(flags.seconds);
const intervalMs = Number(flags.interval);
const kinds = flags.probes.split(',');
const imageOf = (kind: string) => (flags.images ? `${flags.images}/${kind}.hex` : kind);

const boards = kinds.map((kind, index) => new StampedBoard(`emu:${imageOf(kind)}?seed=${index + 1}`));
const peer = await startPeer(`emu:${imageOf('light')}?seed=99`);
const cloud = await startCloud({ port: 0 });
const url = cloud.url.replace(/^http/, 'ws');
const [gatewayClient, subscriber] = [connect({ url }), connect({ url })];
const arrived = new Map<string, Stamp[]>();
const transportOf = new Map<string, string>();
await subscriber.subscribe(`${SITE}/+/status`, (topic, data) => {
  transportOf.set(topic.split('/')[1]!, (data as { transport: string }).transport);
});
await subscriber.subscribe(`${SITE}/+/samples`, (topic, data) => {
  const id = topic.split('/')[1]!;
  const stamp = { values: valuesOf(data as unknown as SenmlRecord[]), ms: nodeTimers.now() };
  arrived.set(id, [...(arrived.get(id) ?? []), stamp]);
});
const gateway = new Gateway({
  site: SITE,
  transports: boards.map(({ transport }) => transport),
  client: gatewayClient,
  clock: systemClock,
  log: () => {},
});

await sleep(2000); // births, and what compilers of JavaScript do in the first second
if (intervalMs !== 250) {
  for (const id of transportOf.keys()) {
    await subscriber.command(`${SITE}/${id}`, { name: 'set_interval', intervalMs });
  }
}
const startMs = nodeTimers.now();
await sleep(seconds * 1000);
const endMs = nodeTimers.now() - 250; // what left just now may still be on its way
await sleep(500);

const problems: string[] = [];
const road = boards.flatMap((board) => {
  const id = [...transportOf].find(([, transport]) => transport === board.transport.url)?.[0];
  return latencies(board, arrived.get(id ?? '') ?? []);
});
const bare = latencies(peer.board, peer.arrived);
const uartMs = boards.flatMap((board) => board.uartMs);
const report = {
  benchmark: 'road',
  what: 'ms from the stop bit of a sample on the emulated UART to its arrival at a subscriber, on loopback, one process',
  machine: {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    node: process.version,
    loadAverage1min: loadavg()[0],
  },
  commit: commit(),
  parameters: { seconds, probes: kinds, intervalMs, baud: BAUD, images: flags.images ?? 'firmware/dist' },
  verified: { samples: road.length, peerSamples: bare.length, problems },
  uartOwnMs: { p50: quantile(uartMs, 0.5), max: quantile(uartMs, 1) },
  road: summary(road),
  bareWebSocket: summary(bare),
  ratio: { p50: ratio(road, bare, 0.5), p99: ratio(road, bare, 0.99) },
  goal: { p99Ms: GOAL_P99_MS, met: road.length > 0 && quantile(road, 0.99) <= GOAL_P99_MS },
};
console.log(JSON.stringify(report, null, 2));

await gateway.close();
await Promise.all([gatewayClient.close(), subscriber.close()]);
await cloud.close();
await peer.close();
process.exitCode = problems.length > 0 || road.length === 0 ? 1 : 0;

/** Pairs what left with what arrived, in order; whatever does not fit is a problem. */
function latencies({ left, transport, complaints }: StampedBoard, came: readonly Stamp[]): number[] {
  const first = left.findIndex(({ values }) => values === came[0]?.values);
  if (first < 0 || first > 3) problems.push(`${transport.url}: the first samples did not arrive`);
  if (complaints.some((line) => line.includes('are lost'))) problems.push(`${transport.url}: ${complaints.join('; ')}`);
  const measured = left.flatMap(({ values, ms }, index) => {
    if (ms < startMs || ms > endMs) return [];
    const arrival = came[index - first];
    if (arrival?.values === values) return [arrival.ms - ms];
    problems.push(`${transport.url}: sample ${index} left as "${values}" and arrived as "${arrival?.values}"`);
    return [];
  });
  return measured;
}

/** A board whose bytes take the shortest way that there is: a WebSocket message each time that some come. */
async function startPeer(boardUrl: string) {
  const board = new StampedBoard(boardUrl);
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    board.transport
      .connect({ onData: (bytes) => socket.send(bytes), onClose: () => socket.close() })
      .catch((error: unknown) => problems.push(String(error)));
  });
  const came: Stamp[] = [];
  const receiver = new FrameReceiver((packet) => {
    const message = decodeMessage(packet);
    if (typeof message === 'string' || !isSample(message)) return;
    came.push({ values: valuesOf(senmlPack(message, '', 0)), ms: nodeTimers.now() });
  });
  const { port } = server.address() as { port: number };
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  client.on('message', (data: Buffer) => receiver.push(data));
  return {
    board,
    arrived: came,
    async close() {
      await board.transport.dispose();
      client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function valuesOf(pack: readonly { n: string; v?: number }[]): string {
  return pack.map(({ n, v }) => `${n} ${v}`).join(', ');
}

function summary(numbers: readonly number[]) {
  const [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1].map((share) => quantile(numbers, share));
  return { p50, p90, p99, max };
}

/** The smallest value that at least this share of the numbers does not exceed; rounded to hundredths. */
function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return Math.round(value * 100) / 100;
}

function ratio(a: readonly number[], b: readonly number[], share: number): number {
  return Math.round((quantile(a, share) / quantile(b, share)) * 100) / 100;
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
