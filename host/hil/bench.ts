/**
 * A bench: one probe, the host's end of its link, and the instruments that stand beside it.
 *
 * The cases of test/hil see this and nothing else, so that none knows whether the probe is a board on a serial port or an
 * emulated one. Everything that waits goes through the bench, because around an emulated board time runs only then.
 */

import { EarlError } from '../../errors/index.ts';
import type { Command, CommandOutcome, LinkStatistics, MessageOf, ProbeMessage } from '../link/index.ts';
import { Session } from '../link/index.ts';
import { type EmulatedTransport, emulatedTransport } from '../transport/emulated.ts';
import { openTransport } from '../transport/open.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import { type BenchTime, RealTime, VirtualTime } from './bench-time.ts';
import type { TargetSpec } from './hardware-map.ts';
import type { Instruments } from './instruments.ts';
import { settle, virtualInstruments } from './virtual-instruments.ts';
import { WireLog } from './wire-log.ts';

/** A message and when it came, in milliseconds of the bench's clock. */
export interface Arrival {
  readonly message: ProbeMessage;
  readonly atMs: number;
}

export interface Greeting {
  readonly hello: MessageOf<'hello'>;
  readonly restarted: boolean;
}

/** Messages that are kept; a case looks back over seconds, not over a long run. */
const KEPT_MESSAGES = 20_000;
const ONLINE_WITHIN_MS = 15_000;
const POLL_MS = 5;

interface Place {
  readonly transport: Transport;
  readonly time: BenchTime;
  /** Once connected. */
  instruments(): Instruments;
  settle(): void;
}

export class Bench {
  readonly target: TargetSpec;
  readonly log = new WireLog();
  readonly session: Session;
  /** What the probe sent since the case began. */
  arrivals: Arrival[] = [];
  greetings: Greeting[] = [];
  /** Bytes written since the bench was opened, noise included. */
  bytesDown = 0;

  private readonly place: Place;
  private connection: Connection | undefined;
  private instrumentSet: Instruments = {};
  private lost: EarlError | undefined;
  private readonly listeners = new Set<(bytes: Uint8Array) => void>();

  private constructor(target: TargetSpec, place: Place) {
    this.target = target;
    this.place = place;
    this.session = new Session({
      clock: place.time,
      random: Math.random,
      commandTimeoutMs: 5000,
      handlers: {
        onHello: (hello, { restarted }) => this.greetings.push({ hello, restarted }),
        onMessage: (message, { arrivalMs }) => this.keep({ message, atMs: arrivalMs }),
      },
    });
  }

  /** Connects to the target and greets its probe. Rejects as the transport does, or with `HIL_NO_PROBE`. */
  static async open(target: TargetSpec): Promise<Bench> {
    const bench = new Bench(target, await placeOf(target));
    await bench.plugIn();
    await bench.online(ONLINE_WITHIN_MS);
    return bench;
  }

  get instruments(): Instruments {
    return this.instrumentSet;
  }

  /** Who the probe says it is. */
  get hello(): MessageOf<'hello'> {
    const { probe } = this.session;
    if (probe === undefined) throw new EarlError('HIL_NO_PROBE', `${this.target.name}: the probe said no hello`);
    return probe;
  }

  nowMs(): number {
    return this.place.time.nowMs();
  }

  /** Sends a command and waits for what becomes of it. */
  command(command: Command, timeoutMs?: number): Promise<CommandOutcome> {
    return this.place.time.during(this.session.command(command, timeoutMs));
  }

  /** Sends commands one after another without a pause in between: up to `depth` wait in the session. */
  async commands(count: number, commandAt: (index: number) => Command, depth = 16): Promise<CommandOutcome[]> {
    const outcomes: CommandOutcome[] = new Array(count);
    let next = 0;
    const worker = async () => {
      for (let index = next++; index < count; index = next++) {
        outcomes[index] = await this.session.command(commandAt(index), 60_000);
      }
    };
    await this.place.time.during(Promise.all(Array.from({ length: Math.min(depth, count) }, worker)));
    return outcomes;
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.place.time.during(new Promise((resolve) => this.place.time.after(ms, resolve)));
  }

  /** Waits until `look` finds something; rejects with `HIL_TIMEOUT`, which says what was waited for. */
  async until<T>(what: string, timeoutMs: number, look: () => T | undefined | false): Promise<T> {
    const deadline = this.nowMs() + timeoutMs;
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      if (this.lost) throw this.lost;
      if (this.nowMs() >= deadline) throw new EarlError('HIL_TIMEOUT', `no ${what} within ${timeoutMs / 1000} s`);
      await this.wait(POLL_MS);
    }
  }

  /** Waits for a message that came since the case began or `forget` was called. */
  message<N extends ProbeMessage['name']>(
    name: N,
    timeoutMs: number,
    fits: (message: MessageOf<N>) => boolean = () => true,
  ): Promise<MessageOf<N>> {
    return this.until(name, timeoutMs, () => {
      const ofName = this.arrivals.flatMap(({ message }) =>
        message.name === name ? [message as unknown as MessageOf<N>] : [],
      );
      return ofName.find(fits);
    });
  }

  /** Waits for the hello after a restart that happened since the last `forget`. */
  async restart(timeoutMs: number): Promise<MessageOf<'hello'>> {
    const { hello } = await this.until('restart', timeoutMs, () => this.greetings.find(({ restarted }) => restarted));
    await this.online(timeoutMs);
    return hello;
  }

  /** Forgets messages and greetings: what comes now counts. */
  forget(): void {
    this.arrivals = [];
    this.greetings = [];
  }

  async online(timeoutMs: number): Promise<void> {
    await this.until('answer from the probe', timeoutMs, () => this.session.state === 'online').catch((error) => {
      throw new EarlError(
        'HIL_NO_PROBE',
        `${this.target.name}: ${this.target.url} is open, but no probe answers there: is the right image flashed, the ` +
          'UART jumper set, the baud rate 9600?',
        { cause: error },
      );
    });
  }

  /** Writes bytes that are no matter of the session's: noise, cut frames. */
  async writeRaw(bytes: Uint8Array): Promise<void> {
    await this.place.time.during(this.send(bytes));
  }

  /** Hears every byte from the probe beside the session, until the returned function is called. */
  listen(listener: (bytes: Uint8Array) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  statistics(): LinkStatistics {
    return this.session.statistics();
  }

  async counters(): Promise<MessageOf<'counters'>> {
    const known = this.arrivals.length;
    const outcome = await this.command({ name: 'get_counters' });
    const found = this.arrivals.slice(known).find(({ message }) => message.name === 'counters');
    if (found === undefined) throw new EarlError('HIL_TIMEOUT', `get_counters: ${outcome.status}, and no counters`);
    return found.message as MessageOf<'counters'>;
  }

  /** Unplugs the cable and plugs it in again. */
  async reconnect(): Promise<void> {
    await this.unplug();
    await this.plugIn();
    await this.online(ONLINE_WITHIN_MS);
  }

  /** Mends what a case broke: between two cases. */
  settle(): void {
    this.instrumentSet.faults?.clear();
    this.place.settle();
  }

  async close(): Promise<void> {
    this.session.dispose();
    await this.place.time.during(this.place.transport.dispose());
  }

  private async plugIn(): Promise<void> {
    const { transport, time } = this.place;
    this.connection = await time.during(
      transport.connect({
        onData: (bytes) => {
          this.log.add(time.nowMs(), 'up', bytes);
          this.session.receive(bytes);
          for (const listener of this.listeners) listener(bytes);
        },
        onClose: (error) => {
          this.lost = error;
          this.session.detach();
        },
      }),
    );
    this.instrumentSet = this.place.instruments();
    this.session.attach((bytes) => this.send(bytes));
  }

  private async unplug(): Promise<void> {
    this.session.detach();
    const connection = this.connection;
    this.connection = undefined;
    if (connection) await this.place.time.during(connection.close());
  }

  private async send(bytes: Uint8Array): Promise<void> {
    const { connection } = this;
    if (connection === undefined) {
      throw new EarlError('TRANSPORT_CLOSED', `${this.target.url} is not connected`);
    }
    this.bytesDown += bytes.length;
    this.log.add(this.nowMs(), 'down', bytes);
    // Not from inside onData, where an emulated board has not yet planned when it goes on.
    await Promise.resolve();
    await connection.write(bytes);
  }

  private keep(arrival: Arrival): void {
    this.arrivals.push(arrival);
    if (this.arrivals.length > KEPT_MESSAGES) this.arrivals.shift();
  }
}

async function placeOf(target: TargetSpec): Promise<Place> {
  if (target.url.startsWith('emu:')) return emulatedPlace(target);
  const transport = await openTransport(target.url);
  return { transport, time: new RealTime(), instruments: () => ({}), settle: () => {} };
}

/** The same transport that `earl gateway` would use, run by a virtual clock. */
function emulatedPlace(target: TargetSpec): Place {
  const time = new VirtualTime();
  const transport: EmulatedTransport = emulatedTransport(target.url, { timers: time });
  let instruments: Instruments | undefined;
  return {
    transport,
    time,
    instruments: () => {
      const { board } = transport;
      if (board === undefined) return {};
      settle(board);
      if (target.instruments.includes('virtual')) instruments ??= virtualInstruments(board, () => time.nowMs());
      return instruments ?? {};
    },
    settle: () => transport.board && settle(transport.board),
  };
}
