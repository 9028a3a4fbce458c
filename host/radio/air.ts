/**
 * The virtual air: any number of controllers in the same room, in one process, on one clock.
 *
 * With virtual timers and a seed everything on it repeats exactly. What is modelled and what is not: docs/radio.md.
 */
import { EarlError } from '../../errors/index.ts';
import { ADDRESS_TYPE, deviceAddress, parseAddress } from './address.ts';
import type { Advertiser, Listener } from './advertiser.ts';
import { type Connection, type ControllerOptions, VirtualController } from './controller.ts';
import { createLink } from './link-setup.ts';
import { Medium, type MediumOptions, type PathSettings } from './medium.ts';
import type { Position } from './phy.ts';
import { Random } from './random.ts';
import { Schedule } from './schedule.ts';
import { nodeTimers, type Timers } from './timers.ts';

export interface VirtualAirOptions extends MediumOptions {
  readonly timers?: Timers;
  readonly seed?: number;
}

export class VirtualAir {
  private readonly schedule: Schedule;
  private readonly random: Random;
  private readonly medium: Medium;
  private readonly listeners = new Set<Listener>();
  private readonly nodes = new Set<VirtualController>();
  private readonly byAdvertiser = new Map<Advertiser, VirtualController>();
  private attachedEver = 0;

  constructor(options: VirtualAirOptions = {}) {
    this.schedule = new Schedule(options.timers ?? nodeTimers);
    this.random = new Random(options.seed ?? 1);
    this.medium = new Medium(this.schedule, this.random, options);
  }

  /** The air's own time in microseconds, from its beginning. */
  get nowUs(): number {
    return this.schedule.nowUs;
  }

  get controllers(): readonly VirtualController[] {
    return [...this.nodes];
  }

  /** Packets on advertising channels, collisions there, and packets of any kind lost to the loss rate. */
  get counters(): Readonly<{ advertisingPdus: number; collisions: number; lost: number }> {
    return this.medium.counters;
  }

  /** Links that both ends still hold. */
  get connections(): number {
    let ends = 0;
    for (const node of this.nodes) ends += node.connections.size;
    return Math.floor(ends / 2);
  }

  /** Share of packets that get lost on every path that has no setting of its own; changes at once. */
  get lossRate(): number {
    return this.medium.lossRate;
  }

  set lossRate(rate: number) {
    if (!(rate >= 0 && rate <= 1)) {
      throw new EarlError('BAD_LOSS_RATE', `a loss rate is a share from 0 to 1 (0.01 is 1 %), not ${rate}`);
    }
    this.medium.lossRate = rate;
  }

  /** Puts a controller on the air. Its `port` is the host's end. */
  attach(options: ControllerOptions = {}): VirtualController {
    const bytes = options.address === undefined ? this.newAddress() : parseAddress(options.address);
    const address = deviceAddress(ADDRESS_TYPE.PUBLIC, bytes);
    for (const other of this.nodes) {
      if (other.publicAddress.key === address.key) {
        throw new EarlError('ADDRESS_TAKEN', `${other.address} is already on this air; give each node its own address`);
      }
    }
    this.attachedEver++;
    const controller = new VirtualController(
      this.context,
      address,
      options.name ?? `node ${this.attachedEver}`,
      options,
    );
    this.nodes.add(controller);
    this.byAdvertiser.set(controller.advertiser, controller);
    return controller;
  }

  /** Loss and received power between two nodes, both ways; an empty object takes it back. */
  setPath(a: VirtualController, b: VirtualController, settings: PathSettings): void {
    this.medium.setPath(a.radio, b.radio, settings);
  }

  setPosition(node: VirtualController, position: Position | undefined): void {
    node.radio.position = position;
  }

  /** Takes every node off the air and lets go of the timer. */
  close(): void {
    for (const node of [...this.nodes]) node.detach();
    this.schedule.stop();
  }

  private readonly context = this.makeContext();

  private makeContext() {
    const air = this;
    return {
      get schedule() {
        return air.schedule;
      },
      get medium() {
        return air.medium;
      },
      get random() {
        return air.random;
      },
      get listeners() {
        return air.listeners;
      },
      connect: (central: VirtualController, initiator: Listener, advertiser: Advertiser, wasHeard: boolean) => {
        const peripheral = air.byAdvertiser.get(advertiser);
        if (peripheral === undefined) return;
        createLink(air.schedule, air.medium, { central, initiator, peripheral, wasHeard });
      },
      rssiDbm: (connection: Connection) => air.rssiOf(connection),
      detach: (controller: VirtualController) => {
        air.nodes.delete(controller);
        air.byAdvertiser.delete(controller.advertiser);
        air.medium.forget(controller.radio);
      },
    };
  }

  private rssiOf({ end, link }: Connection): number {
    const peer = link.central === end ? link.peripheral : link.central;
    return this.medium.rssiDbm(peer.radio, end.radio);
  }

  /** Locally administered, unicast, and the same again with the same seed. */
  private newAddress(): Uint8Array {
    const bytes = this.random.bytes(6);
    bytes[5] = (bytes[5]! & 0xfc) | 0x02;
    return bytes;
  }
}
