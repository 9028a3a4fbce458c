/**
 * `earl fleet --ble`: emulated boards, each with a module of its own, on one virtual air, in this process.
 *
 * Whole boards, for they have to listen: a probe here costs more than one of `earl fleet` without a radio. Each has an id
 * and a key, which the user's store of probes gets to know. Progress and the last line say what this process is busy
 * with, and what would stop it from carrying more.
 */

import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { EarlError } from '../../errors/index.ts';
import { attachBridge, type BridgeCounters, type BridgeKind, type BridgeModule, bridgeName } from '../bridge/index.ts';
import { Board, type Image, Pacer } from '../emulator/index.ts';
import { buildInfoSegment, formatId } from '../link/index.ts';
import { defaultId } from '../transport/emulated.ts';
import { readImage } from '../transport/firmware-image.ts';
import { nodeTimers } from '../transport/node-timers.ts';
import { type KeyChoice, parseBridgeKind, parseKeyChoice, provisionKey } from './emulate-ble.ts';
import { exitCodes } from './exit-codes.ts';
import { type LocalAir, openLocalAir } from './local-air.ts';
import { stopSignal } from './service.ts';

export interface FleetBleFlags {
  readonly count: number;
  readonly image: string;
  readonly seed: number;
  /** Seconds; Infinity: until it is stopped. */
  readonly seconds: number;
  readonly bridge?: string;
  readonly adapter?: string;
  readonly key?: string;
  readonly json: boolean;
}

const REPORT_MS = 5000;
/** A loop that is busier than this has no time left for what comes late. */
const BUSY = 0.85;
/** A board this far behind its clock is late for its central. */
const LATE_MS = 250;

export async function runFleetBle(flags: FleetBleFlags): Promise<void> {
  const { count, adapter } = flags;
  if (adapter !== undefined && !adapter.startsWith('air:') && count > 1) {
    throw new EarlError('USAGE', `"${adapter}" is one adapter, and advertises one module: a fleet needs an air`);
  }
  const stop = stopSignal();
  const image = readImage(flags.image);
  const air = await openLocalAir(adapter);
  const fleet = new BleFleet(flags, image, air, (error) => {
    // All modules lose the air at once: said once.
    if (process.exitCode !== exitCodes.failure) console.error(`earl: ${error.message}`);
    process.exitCode = exitCodes.failure;
    stop.stop();
  });
  try {
    await fleet.start();
    console.error(`${fleet.size} probes on ${air.description}: next, elsewhere, earl gateway --ble`);
    const progress = setInterval(() => console.error(fleet.progress()), REPORT_MS);
    try {
      await Promise.race([stop.stopped, elapsed(flags.seconds)]);
    } finally {
      clearInterval(progress);
    }
    const result = fleet.result();
    if (flags.json) console.log(JSON.stringify(result));
    else for (const line of sentences(result)) console.log(line);
  } finally {
    await fleet.close();
    await air.close();
  }
}

/** Never, for Infinity. */
function elapsed(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (Number.isFinite(seconds)) setTimeout(resolve, seconds * 1000).unref();
  });
}

interface BleProbe {
  readonly module: BridgeModule;
  readonly pacer: Pacer;
}

export interface FleetBleResult {
  readonly count: number;
  readonly seconds: number;
  readonly connected: number;
  readonly most_connected: number;
  readonly bytes_per_second: number;
  readonly lost_to_air: number;
  readonly lost_to_uart: number;
  /** Share of the time in which the process's one thread was busy. */
  readonly event_loop_busy: number;
  readonly worst_lag_ms: number;
  readonly kb_per_probe: number;
  readonly limit: string;
}

/** What the limit is told from. */
type LimitFigures = Pick<
  FleetBleResult,
  'count' | 'most_connected' | 'event_loop_busy' | 'worst_lag_ms' | 'lost_to_air'
>;

class BleFleet {
  private readonly flags: FleetBleFlags;
  private readonly image: Image;
  private readonly air: LocalAir;
  private readonly onGone: (error: EarlError) => void;
  private readonly kind: BridgeKind;
  private readonly key: KeyChoice;
  private readonly probes: BleProbe[] = [];
  private readonly rssBefore = process.memoryUsage().rss;
  private startedMs = 0;
  private idle: EventLoopUtilization = performance.eventLoopUtilization();
  private mostConnected = 0;
  private worstLagMs = 0;

  constructor(flags: FleetBleFlags, image: Image, air: LocalAir, onGone: (error: EarlError) => void) {
    this.onGone = onGone;
    this.flags = flags;
    this.image = image;
    this.air = air;
    this.kind = parseBridgeKind(flags.bridge ?? 'nus');
    this.key = parseKeyChoice(flags.key ?? 'random');
  }

  get size(): number {
    return this.probes.length;
  }

  /** One after the other: an adapter that powers on has several round trips to make. */
  async start(): Promise<void> {
    const { count, seed } = this.flags;
    console.error(`starting ${count} probes`);
    for (let index = 0; index < count; index++) this.probes.push(await this.probe(seed + index));
    this.startedMs = performance.now();
    this.idle = performance.eventLoopUtilization();
  }

  progress(): string {
    const { connected, bytes_per_second, event_loop_busy, worst_lag_ms } = this.result();
    const late = worst_lag_ms > LATE_MS ? `, at worst ${worst_lag_ms} ms behind the clock` : '';
    return `${connected} of ${this.size} connected, ${bytes_per_second} bytes/s, this process ${percent(event_loop_busy)} busy${late}`;
  }

  result(): FleetBleResult {
    const seconds = Math.max(0.001, (performance.now() - this.startedMs) / 1000);
    const busy = performance.eventLoopUtilization(this.idle).utilization;
    const connected = this.connected;
    const figures = {
      count: this.size,
      seconds: round(seconds, 1),
      connected,
      most_connected: this.mostConnected,
      bytes_per_second: Math.round(this.sum('notifiedBytes') / seconds),
      lost_to_air: this.sum('lostToAir'),
      lost_to_uart: this.sum('lostToBoard'),
      event_loop_busy: round(busy, 3),
      worst_lag_ms: Math.round(this.worstLagMs),
      kb_per_probe: Math.round((process.memoryUsage().rss - this.rssBefore) / 1024 / Math.max(1, this.size)),
    };
    return { ...figures, limit: limitOf(figures) };
  }

  async close(): Promise<void> {
    for (const { module, pacer } of this.probes.splice(0)) {
      pacer.stop();
      await module.close();
    }
  }

  private async probe(seed: number): Promise<BleProbe> {
    const { image, kind, key, flags, air } = this;
    const id = defaultId(flags.image, seed);
    const secret = provisionKey(id, flags.image, key);
    const board = new Board({ info: { D: buildInfoSegment(id, secret) }, seed });
    const pacer = new Pacer(board, nodeTimers, {
      onLag: (lagMs) => {
        this.worstLagMs = Math.max(this.worstLagMs, lagMs);
      },
    });
    board.uart.onQueued = () => pacer.kick();
    const name = bridgeName(formatId(id));
    const module = await attachBridge({
      kind,
      board,
      adapter: air.adapter(name),
      name,
      wake: () => pacer.kick(),
      onGone: this.onGone,
    });
    module.onConnection = () => {
      this.mostConnected = Math.max(this.mostConnected, this.connected);
    };
    board.load(image);
    pacer.start();
    return { module, pacer };
  }

  private get connected(): number {
    return this.probes.filter(({ module }) => module.connectedTo !== undefined).length;
  }

  private sum(counter: keyof BridgeCounters): number {
    return this.probes.reduce((sum, { module }) => sum + module.counters[counter], 0);
  }
}

/** What would stop this fleet from being larger, in a sentence. */
export function limitOf(figures: LimitFigures): string {
  const { count, most_connected, event_loop_busy, worst_lag_ms, lost_to_air } = figures;
  if (event_loop_busy > BUSY || worst_lag_ms > LATE_MS) {
    return `this process: one thread runs all boards, their Bluetooth stacks and the air, and was ${percent(event_loop_busy)} busy`;
  }
  if (lost_to_air > 0) return `the air: ${lost_to_air} bytes found the modules' buffers full`;
  if (most_connected === 0) return 'nobody connected: start a gateway with earl gateway --ble';
  if (most_connected < count) {
    return `the central: at most ${most_connected} of ${count} were connected at once; a controller holds a limited number of connections`;
  }
  return `nothing yet: at ${percent(event_loop_busy)} for ${count} probes, one thread has room for about ${Math.round((count * BUSY) / Math.max(0.001, event_loop_busy))}`;
}

function sentences(result: FleetBleResult): string[] {
  return [
    `${result.count} probes, ${result.connected} connected after ${result.seconds} s, ${result.bytes_per_second} bytes/s to the air`,
    `lost: ${result.lost_to_air} bytes to a slow air, ${result.lost_to_uart} to a slow UART; ${result.kb_per_probe} KB of memory each`,
    `limit: ${result.limit}`,
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
