/**
 * One process of the BLE benchmark (ble.ts): a virtual air, and emulated boards with bridge modules on it.
 *
 *     node tools/run.mjs tools/bench/ble-boards.ts PROBES KINDS BRIDGE LOSS SEED      (forked by ble.ts, speaks to it by IPC)
 *
 * It stamps each sample twice: when the stop bit of its last byte left the UART, by the board's time, which is laid on the
 * machine's at power-on; and when the packet with its last byte came out of the gateway's controller. The stamps are of
 * CLOCK_MONOTONIC, which all processes of a machine share.
 */

import { attachBridge, type BridgeKind, type BridgeModule, bridgeName } from '../../host/bridge/index.ts';
import { Board, Pacer, type Timers } from '../../host/emulator/index.ts';
import {
  buildInfoSegment,
  decodeMessage,
  FrameReceiver,
  formatId,
  isSample,
  senmlPack,
} from '../../host/link/index.ts';
import { type HciTrace, serveAir, VirtualAir, type VirtualController } from '../../host/radio/index.ts';
import { defaultId } from '../../host/transport/emulated.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { nodeTimers } from '../../host/transport/node-timers.ts';
import { type BoardReport, type BoardsReport, monotonicMs, type Stamp, valuesOf } from './ble-stamps.ts';

/** Calls back with the values of each sample among the bytes. */
function sampleReader(onSample: (values: string) => void): FrameReceiver {
  return new FrameReceiver((packet) => {
    const message = decodeMessage(packet);
    if (typeof message !== 'string' && isSample(message)) onSample(valuesOf(senmlPack(message, '', 0)));
  });
}

/** Reads what the gateway's controller hands to its host: which board each handle is, and the notifications. */
class GatewayTrace implements HciTrace {
  private readonly byAddress: ReadonlyMap<string, StampedBoard>;
  private readonly byHandle = new Map<number, StampedBoard>();
  private readonly rest = new Map<number, Buffer>();

  constructor(byAddress: ReadonlyMap<string, StampedBoard>) {
    this.byAddress = byAddress;
  }

  get links(): number {
    return this.byHandle.size;
  }

  packet(direction: 'to-controller' | 'to-host', bytes: Uint8Array): void {
    if (direction !== 'to-host') return;
    const packet = Buffer.from(bytes);
    if (packet[0] === 0x02) this.data(packet.readUInt16LE(1), packet.subarray(5));
    else if (packet[0] === 0x04) this.event(packet);
  }

  private event(packet: Buffer): void {
    const [, code, , subcode] = packet;
    if (code === 0x05) this.byHandle.delete(packet.readUInt16LE(4));
    // LE Connection Complete, and the enhanced one: the same up to the peer's address.
    if (code !== 0x3e || (subcode !== 0x01 && subcode !== 0x0a) || packet[4] !== 0) return;
    const address = [...packet.subarray(9, 15)].reverse().map((octet) => octet.toString(16).padStart(2, '0'));
    const board = this.byAddress.get(address.join(':'));
    if (board !== undefined) this.byHandle.set(packet.readUInt16LE(5), board);
  }

  private data(handleAndFlags: number, part: Buffer): void {
    const handle = handleAndFlags & 0x0fff;
    const begins = ((handleAndFlags >> 12) & 3) !== 1;
    const whole = begins ? part : Buffer.concat([this.rest.get(handle) ?? Buffer.alloc(0), part]);
    this.rest.delete(handle);
    if (whole.length < 4 || whole.length - 4 < whole.readUInt16LE(0)) this.rest.set(handle, whole);
    else if (whole.readUInt16LE(2) === 0x0004 && whole[4] === 0x1b) this.byHandle.get(handle)?.onAir(whole.subarray(7));
  }
}

class StampedBoard {
  readonly id: string;
  readonly kind: string;
  readonly left: Stamp[] = [];
  readonly aired: Stamp[] = [];
  lateMs = 0;
  givenUpMs = 0;
  module!: BridgeModule;
  private readonly board: Board;
  private readonly pacer: Pacer;
  private readonly fromAir = sampleReader((values) => this.aired.push([values, monotonicMs()]));
  private leftMs = 0;

  constructor(kind: string, seed: number) {
    const id = defaultId(kind, seed);
    this.id = formatId(id);
    this.kind = kind;
    const wire = sampleReader((values) => this.left.push([values, this.leftMs]));
    let powerOnMs: number | undefined;
    // The pacer's first look at the clock is when the board's time begins.
    const timers: Timers = {
      after: nodeTimers.after,
      now: () => {
        const now = monotonicMs();
        powerOnMs ??= now;
        return now;
      },
    };
    this.board = new Board({
      image: readImage(kind),
      info: { D: buildInfoSegment(id) },
      seed,
      trace: (event) => {
        if (event.kind !== 'uart' || event.dir !== 'tx') return;
        this.leftMs = powerOnMs! + event.t * 1000;
        wire.push(Uint8Array.of(event.byte));
      },
    });
    this.pacer = new Pacer(this.board, timers, {
      onLag: (lagMs, givenUpMs) => {
        this.lateMs = Math.max(this.lateMs, lagMs);
        this.givenUpMs += givenUpMs;
      },
    });
  }

  async start(air: VirtualAir, bridge: BridgeKind): Promise<string> {
    const controller = air.attach({ name: `probe ${this.id}` });
    this.module = await attachBridge({
      kind: bridge,
      board: this.board,
      adapter: controller.port,
      name: bridgeName(this.id),
      wake: () => this.pacer.kick(),
    });
    this.pacer.start();
    return controller.address;
  }

  onAir(bytes: Uint8Array): void {
    this.fromAir.push(bytes);
  }

  forget(): void {
    this.lateMs = 0;
    this.givenUpMs = 0;
  }

  report(): BoardReport {
    const { id, kind, left, aired, lateMs, givenUpMs, module } = this;
    return { id, kind, left, aired, lateMs, givenUpMs, bridge: { ...module.counters } };
  }

  async stop(): Promise<void> {
    this.pacer.stop();
    await this.module.close();
  }
}

async function main(): Promise<void> {
  const [count, kinds, bridge, loss, seed] = process.argv.slice(2);
  const air = new VirtualAir({ seed: Number(seed), lossRate: Number(loss) });
  const byAddress = new Map<string, StampedBoard>();
  const trace = new GatewayTrace(byAddress);
  let gateway: VirtualController | undefined;
  const server = await serveAir(air, {
    port: 0,
    controller: () => ({ name: 'gateway', trace }),
    onJoin: (controller) => {
      gateway = controller;
    },
  });
  const busyUs = () => (gateway === undefined ? 0 : gateway.energy.txUs + gateway.energy.rxUs);
  const boards: StampedBoard[] = [];
  for (let n = 0; n < Number(count); n++) {
    const names = kinds!.split(',');
    const board = new StampedBoard(names[n % names.length]!, n + 1);
    byAddress.set(await board.start(air, bridge as BridgeKind), board);
    boards.push(board);
  }
  let cpu = process.cpuUsage();
  let [beganUs, busyBeforeUs] = [air.nowUs, busyUs()];
  process.on('message', async (message) => {
    if (message === 'measure') {
      cpu = process.cpuUsage();
      [beganUs, busyBeforeUs] = [air.nowUs, busyUs()];
      for (const board of boards) board.forget();
    } else if (message === 'report') {
      const { user, system } = process.cpuUsage(cpu);
      const report: BoardsReport = {
        boards: boards.map((board) => board.report()),
        air: { ...air.counters },
        links: trace.links,
        radioShare: (busyUs() - busyBeforeUs) / (air.nowUs - beganUs),
        cpuMs: (user + system) / 1000,
      };
      process.send!({ report });
    } else if (message === 'stop') {
      await Promise.allSettled(boards.map((board) => board.stop()));
      await server.close();
      air.close();
      process.disconnect();
    }
  });
  process.on('disconnect', () => process.exit());
  process.send!({ url: server.url, ids: boards.map(({ id }) => id) });
}

await main();
