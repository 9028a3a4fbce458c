/**
 * One device that the user chose: connects, talks to the probe behind it by the link's Session, and comes back with
 * growing pauses when the connection is lost, until the user ends it.
 *
 * What the probe says goes to `publish` as a gateway would publish it; commands go through `command`. A probe can be
 * asked to prove who it is (docs/security.md): without a key it is taken at its word, and the page says so.
 */

/// <reference types="web-bluetooth" />

import { errorMessage } from '../../../errors/index.ts';
import {
  type Authentication,
  type Clock,
  type Command,
  formatId,
  type MessageOf,
  type ProbeMessage,
  type Received,
  Session,
} from '../../../host/link/index.ts';
import { type CommandObject, type CommandResult, channels, type Json } from '../../protocol/index.ts';
import { SITE, statusOf, topicMessage } from './probe-messages.ts';
import { UartBridge } from './uart-bridge.ts';

export type DirectState =
  | { readonly name: 'connecting' | 'ended' }
  | { readonly name: 'connected'; readonly bridge: string }
  /** `retryMs`: until it is tried again. */
  | { readonly name: 'lost'; readonly reason: string; readonly retryMs: number };

export interface DirectOptions {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Like a message of the cloud. */
  readonly publish: (topic: string, data: Json) => void;
  readonly onState: () => void;
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;
const COUNTERS_MS = 10_000;
const COMMAND_MS = 5000;

export class DirectProbe {
  readonly device: BluetoothDevice;
  state: DirectState = { name: 'ended' };
  /** The probe must prove that it has this. */
  private key: Uint8Array | undefined;
  private readonly options: DirectOptions;
  private readonly session: Session;
  private write: ((bytes: Uint8Array) => Promise<void>) | undefined;
  private hello: MessageOf<'hello'> | undefined;
  private bridgeName = '';
  private retryMs = FIRST_RETRY_MS;
  private cancelRetry: () => void = () => {};
  private cancelCounters: () => void = () => {};
  /** Grows with each attempt and each end: who awaited an older one is too late. */
  private turn = 0;

  constructor(device: BluetoothDevice, options: DirectOptions) {
    this.device = device;
    this.options = options;
    const { clock, random } = options;
    this.session = new Session({
      clock,
      random,
      commandTimeoutMs: COMMAND_MS,
      authentication: this.authentication(),
      handlers: {
        onHello: (hello) => this.born(hello),
        onMessage: (message, received) => this.heard(message, received),
        onState: () => options.onState(),
        onRefused: () => options.onState(),
      },
    });
    device.addEventListener('gattserverdisconnected', () => this.lost('the connection was lost'));
  }

  /** As the browser's list shows it. */
  get name(): string {
    return this.device.name ?? 'a device without a name';
  }

  /** Who it is, as far as that is known: for people. */
  get identity(): string {
    const { probe, refusal } = this.session;
    if (this.state.name !== 'connected') return '';
    if (refusal !== undefined) return `Not let in: ${refusal.message}.`;
    if (probe === undefined || this.session.state === 'greeting') return 'Asking who it is.';
    if (this.session.state === 'quiet') return 'It does not answer.';
    return this.key === undefined ? 'It was not asked to prove who it is.' : 'It proved that it has the key.';
  }

  /** Connects, and stays connected until `end`. */
  start(): void {
    if (this.state.name === 'connecting' || this.state.name === 'connected') return;
    this.cancelRetry();
    void this.connect();
  }

  /** Ends the connection for good, as far as this page goes. */
  end(): void {
    this.turn++;
    this.cancelRetry();
    this.leave('you disconnected it');
    this.enter({ name: 'ended' });
    this.device.gatt?.disconnect();
  }

  /** From now on the probe must prove that it has this key; undefined: it is taken at its word. */
  demand(key: Uint8Array | undefined): void {
    this.key = key;
    if (this.state.name !== 'connected') return;
    // A new connection of the session asks anew, and the bytes of this one go on.
    if (this.write !== undefined) this.session.attach(this.write);
  }

  /** A command as the cards send it. Never rejects for a probe that cannot be reached. */
  async command(object: CommandObject, timeoutMs = COMMAND_MS): Promise<CommandResult> {
    if (this.state.name !== 'connected') {
      return { status: 'unconnected', data: [], message: 'there is no Bluetooth connection' };
    }
    const { status, data, linkMs } = await this.session.command(object as unknown as Command, timeoutMs);
    if (status === 'ok' && object.name === 'set_interval' && this.hello !== undefined) {
      this.hello = { ...this.hello, intervalMs: Number(object.intervalMs) };
    }
    return { status, data: [...data], ...(linkMs === undefined ? {} : { linkMs }) };
  }

  private async connect(): Promise<void> {
    const turn = ++this.turn;
    this.enter({ name: 'connecting' });
    try {
      const bridge = await UartBridge.open(this.device, (bytes) => this.session.receive(bytes));
      if (turn !== this.turn) return;
      this.bridgeName = bridge.name;
      this.retryMs = FIRST_RETRY_MS;
      this.write = (bytes) => bridge.write(bytes);
      this.enter({ name: 'connected', bridge: bridge.name });
      this.session.attach(this.write);
    } catch (error) {
      if (turn === this.turn) this.retry(errorMessage(error));
    }
  }

  private lost(reason: string): void {
    if (this.state.name !== 'connected' && this.state.name !== 'connecting') return;
    this.turn++;
    this.leave(reason);
    this.retry(reason);
  }

  private retry(reason: string): void {
    this.device.gatt?.disconnect();
    const { retryMs } = this;
    this.retryMs = Math.min(LONGEST_RETRY_MS, 2 * retryMs);
    this.enter({ name: 'lost', reason, retryMs });
    this.cancelRetry = this.options.clock.after(retryMs, () => this.connect());
  }

  private leave(reason: string): void {
    this.write = undefined;
    this.session.detach();
    this.cancelCounters();
    if (this.hello === undefined) return;
    const status = statusOf(this.hello, this.bridgeName, this.options.clock.wallMs());
    this.publish(channels.status, { ...status, online: false, reason });
  }

  private born(hello: MessageOf<'hello'>): void {
    this.hello = hello;
    this.publish(channels.status, { ...statusOf(hello, this.bridgeName, this.options.clock.wallMs()) });
    this.cancelCounters();
    this.askCounters();
    this.options.onState();
  }

  private askCounters(): void {
    this.cancelCounters = this.options.clock.after(COUNTERS_MS, () => {
      this.session.command({ name: 'get_counters' }).catch(() => {}); // a full queue: the next time then
      this.askCounters();
    });
  }

  private heard(message: ProbeMessage, { wallMs }: Received): void {
    if (this.hello === undefined) return;
    const { channel, data } = topicMessage(message, formatId(this.hello.id), wallMs, () => this.session.statistics());
    this.publish(channel, data);
  }

  private publish(channel: string, data: Json): void {
    this.options.publish(`${SITE}/${this.topicName()}/${channel}`, data);
  }

  /** A probe's id; of one that has none, what the browser calls the device. */
  private topicName(): string {
    const id = this.hello === undefined ? '' : formatId(this.hello.id);
    return /^0*$/.test(id) ? this.device.id.replaceAll('/', '_') : id;
  }

  private authentication(): Authentication {
    return {
      demand: () => (this.key === undefined ? { kind: 'none' } : { kind: 'proof', key: this.key }),
      nonce: () => crypto.getRandomValues(new Uint8Array(8)),
    };
  }

  private enter(state: DirectState): void {
    this.state = state;
    this.options.onState();
  }
}
