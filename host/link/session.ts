/**
 * The host's end of the link to one probe: handshake, liveness, sequence numbers, time, and commands with
 * acknowledgement (docs/link-protocol.md, "Sessions").
 *
 * A Session outlives connections: `attach` it to each new one, `detach` it when that ends. On each it draws a session
 * number and asks for hello until the probe answers with that number, and for a proof of who it is where the host demands
 * one (admission.ts); then commands flow. A probe that restarts on its own is noticed by its hello, by its time running backwards, or by its refusal, and is greeted again. Bytes go in by
 * `receive`; what they mean comes out through the handlers, called before `receive` returns, in the order of the wire.
 * No clock, dice or transport of its own; browser-safe.
 */

import { Admission, type Authentication, type Refusal } from './admission.ts';
import type { Clock } from './clock.ts';
import { decodeMessage, encodeMessage, type PayloadError } from './codec.ts';
import { type CommandCounters, type CommandOutcome, CommandQueue } from './command-queue.ts';
import { crc16 } from './crc.ts';
import { DELIMITER, encodeFrame, type FrameCounters, FrameReceiver, type Packet } from './framer.ts';
import { Greeter } from './greeter.ts';
import { type Command, type MessageDefinition, type MessageOf, messages, type UpMessage } from './messages.ts';
import { SequenceTracker } from './sequence-tracker.ts';
import { TimeMap } from './time-map.ts';

/**
 * `detached` there is no connection; `greeting` hello was asked for; `online` the probe answered and is heard;
 * `quiet` it no longer answers, or never did: still asked, ever more rarely, and back `online` when it does;
 * `quarantined` it answers, but may not in: nothing that it says is handed on, and commands wait.
 */
export type SessionState = 'detached' | 'greeting' | 'online' | 'quiet' | 'quarantined';

/** What a session hands on: everything but the handshake and the acks. */
export type ProbeMessage = Exclude<UpMessage, { name: 'hello' | 'ack' }>;

/** How a message came. */
export interface Received {
  readonly sequence: number;
  /** Host clock (`nowMs`) of the arrival. */
  readonly arrivalMs: number;
  /** When the probe says that it was, as milliseconds since 1970: mapped probe time. */
  readonly wallMs: number;
}

export interface SessionHandlers {
  onState?(state: SessionState): void;
  /**
   * Who the probe is: at the first hello of a connection, after a restart (`restarted`), and when what it says about
   * itself changed; only when it was let in. Before it no message is handed on.
   */
  onHello?(hello: MessageOf<'hello'>, about: { readonly restarted: boolean }): void;
  /** The probe is not let in: once per connection, id and reason. What `hello` says is a claim and no more. */
  onRefused?(hello: MessageOf<'hello'>, refusal: Refusal): void;
  onMessage?(message: ProbeMessage, received: Received): void;
}

export interface SessionOptions {
  readonly clock: Clock;
  /** 0 up to 1, e.g. `Math.random`. */
  readonly random: () => number;
  readonly handlers: SessionHandlers;
  /** Commands that may wait, default 32; one more is refused with `LINK_QUEUE_FULL`. */
  readonly maxCommands?: number;
  /** Time that a command has by default, 5000 ms. */
  readonly commandTimeoutMs?: number;
  /** Shortest time without a packet after which the probe is asked whether it lives, default 2000 ms. */
  readonly quietAfterMs?: number;
  /** What probes must show to be let in; without it everything is taken for what it says it is. */
  readonly authentication?: Authentication;
  /** What a packet takes at least from the probe's stamp to `receive`, e.g. its time on the wire; default 0. */
  readonly leastDelayMs?: number;
}

export interface LinkStatistics {
  readonly state: SessionState;
  readonly frames: Readonly<FrameCounters>;
  /** Good packets that were no message. */
  readonly payloadErrors: Readonly<Record<PayloadError, number>>;
  /** Packets from the probe by sequence number. */
  readonly packets: {
    readonly received: number;
    readonly lost: number;
    readonly late: number;
    readonly duplicates: number;
  };
  /** Messages that came before the probe said who it is, and were not handed on. */
  readonly unidentified: number;
  /** Messages of a probe that was not let in (yet), and that were not handed on. */
  readonly unauthenticated: number;
  readonly restarts: number;
  readonly helloRequests: number;
  readonly commands: Readonly<CommandCounters>;
  /** Writes that the transport refused. */
  readonly writeErrors: number;
  /** Since the last good packet; absent before the first. */
  readonly silentMs?: number;
  /** Smoothed time from command to ack; absent before the first. */
  readonly roundTripMs?: number;
  /** Host milliseconds per probe millisecond. */
  readonly clockRate: number;
}

export class Session {
  private readonly options: SessionOptions;
  private readonly receiver = new FrameReceiver((packet) => this.onPacket(packet));
  private readonly tracker = new SequenceTracker();
  private readonly timeMap: TimeMap;
  private readonly commands: CommandQueue;
  private readonly greeter: Greeter;
  private readonly admission: Admission;
  private readonly payloadErrors: Record<PayloadError, number> = { unknown_type: 0, short_payload: 0, long_data: 0 };
  private write: ((bytes: Uint8Array) => Promise<void>) | undefined;
  private currentState: SessionState = 'detached';
  /** Of this connection. */
  private hello: MessageOf<'hello'> | undefined;
  /** Of any connection. */
  private lastHello: MessageOf<'hello'> | undefined;
  private detachedMs: number | undefined;
  private sessionNumber = 0;
  private greeted = false;
  private restartPending = false;
  /** The hello was not handed on yet, or something in it changed. */
  private helloPending = false;
  private downSequence: number;
  private lastPacketMs: number | undefined;
  private unidentified = 0;
  private unauthenticated = 0;
  private restarts = 0;
  private writeErrors = 0;

  constructor(options: SessionOptions) {
    const { clock, random, maxCommands = 32, leastDelayMs = 0, quietAfterMs = 2000 } = options;
    const { authentication = takesAtItsWord } = options;
    this.options = options;
    this.timeMap = new TimeMap(leastDelayMs);
    this.downSequence = Math.floor(random() * 0x10000);
    const send = (packet: Pick<Packet, 'type' | 'payload'>, sequence?: number) => this.send(packet, sequence);
    this.commands = new CommandQueue({ clock, random, maxCommands, send });
    this.greeter = new Greeter({
      clock,
      random,
      ask: () => this.send(encodeMessage({ name: 'hello_request', session: this.sessionNumber })),
      mayAsk: () => !this.commands.underway && !this.admission.underway,
      onSilence: () => this.enter('quiet'),
      quietAfterMs: () => Math.max(quietAfterMs, 3 * (this.hello?.intervalMs ?? 0)),
    });
    this.admission = new Admission({
      clock,
      random,
      send,
      authentication,
      onAdmitted: () => this.onAdmitted(),
      onAsked: () => this.onAsked(),
      onRefused: (...args) => this.onRefused(...args),
    });
  }

  get state(): SessionState {
    return this.currentState;
  }

  /** The probe of this connection, let in or not; `undefined` before its hello. */
  get probe(): MessageOf<'hello'> | undefined {
    return this.hello;
  }

  /** Why the probe of this connection is not let in; `undefined` while it is, or while that is not decided. */
  get refusal(): Refusal | undefined {
    return this.admission.refusal;
  }

  /** What the host knows of probes changed: decides anew about the one of this connection. */
  reconsider(): void {
    if (this.greeted) this.admission.reconsider();
  }

  /**
   * A connection is open: greets the probe.
   * @param write hands bytes to the connection; a rejection is counted, and what was lost is sent again
   */
  attach(write: (bytes: Uint8Array) => Promise<void>): void {
    if (this.write !== undefined) this.detach();
    this.write = write;
    this.receiver.reset();
    this.hello = undefined;
    this.restartPending = false;
    this.admission.reset();
    this.timeMap.reset();
    this.post(Uint8Array.of(DELIMITER)); // ends whatever noise the probe holds as the begin of a frame
    this.greet();
  }

  /** The connection ended. A command on its way is `unknown`; those that wait keep waiting until their time is over. */
  detach(): void {
    if (this.write === undefined) return;
    this.write = undefined;
    this.greeted = false;
    this.detachedMs = this.options.clock.nowMs();
    this.greeter.stop();
    this.admission.reset();
    this.tracker.suspend();
    this.commands.interrupt();
    this.enter('detached');
  }

  /** Bytes came. Ignored while detached. */
  receive(bytes: Uint8Array): void {
    if (this.write !== undefined) this.receiver.push(bytes);
  }

  /**
   * Sends a command, after those that wait already. Resolves with what became of it, at the latest after `timeoutMs`;
   * rejects with `LINK_QUEUE_FULL` or `LINK_BAD_FIELD` when it was not taken.
   */
  command(command: Command, timeoutMs = this.options.commandTimeoutMs ?? 5000): Promise<CommandOutcome> {
    return this.commands.submit(command, timeoutMs);
  }

  /** Ends the session for good: detaches, and settles every command that waits. */
  dispose(): void {
    this.detach();
    this.commands.dispose();
  }

  statistics(): LinkStatistics {
    const { received, lost, late, duplicates } = this.tracker;
    const roundTripMs = this.commands.roundTrip.smoothedMs;
    return {
      state: this.currentState,
      frames: { ...this.receiver.counters },
      payloadErrors: { ...this.payloadErrors },
      packets: { received, lost, late, duplicates },
      unidentified: this.unidentified,
      unauthenticated: this.unauthenticated,
      restarts: this.restarts,
      helloRequests: this.greeter.asked,
      commands: { ...this.commands.counters },
      writeErrors: this.writeErrors,
      clockRate: this.timeMap.rate,
      ...(this.lastPacketMs === undefined ? {} : { silentMs: this.options.clock.nowMs() - this.lastPacketMs }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }

  private greet(): void {
    this.greeted = false;
    this.sessionNumber = 1 + Math.floor(this.options.random() * 0xffff);
    this.enter('greeting');
    this.greeter.start();
  }

  private send({ type, payload }: Pick<Packet, 'type' | 'payload'>, again?: number): number {
    const sequence = again ?? this.downSequence;
    if (again === undefined) this.downSequence = (this.downSequence + 1) & 0xffff;
    this.post(encodeFrame({ type, sequence, payload }));
    return sequence;
  }

  private post(bytes: Uint8Array): void {
    this.write?.(bytes).catch(() => {
      this.writeErrors++;
    });
  }

  private onPacket(packet: Packet): void {
    const message = decodeMessage(packet);
    if (typeof message === 'string') {
      this.payloadErrors[message]++;
      return;
    }
    if (!isUp(message)) {
      this.payloadErrors.unknown_type++; // our own command, echoed: no probe sends these
      return;
    }
    this.heard();
    if (message.name === 'hello') this.onHello(message, packet);
    else this.onNumbered(message, packet);
  }

  /** A good packet: the probe lives. */
  private heard(): void {
    this.lastPacketMs = this.options.clock.nowMs();
    if (!this.greeted) return;
    this.greeter.heard();
    if (this.admission.admitted) this.enter('online');
    else if (this.currentState === 'quiet') this.enter(this.admission.refusal ? 'quarantined' : 'greeting');
  }

  private onHello(hello: MessageOf<'hello'>, packet: Packet): void {
    const before = this.hello;
    if (before !== undefined && (hello.session === 0 || !sameStart(hello, before))) this.restarted(packet.sequence);
    this.tracker.accept(packet.sequence, fingerprint(packet));
    const fresh = hello.session === this.sessionNumber;
    if (before === undefined) this.compareWithLast(hello, packet);
    else if (fresh) this.tracker.confirm();
    this.hello = hello;
    this.lastHello = hello;
    if (before === undefined || this.restartPending || !sameProbe(hello, before)) {
      this.helloPending = true;
      this.admission.consider(hello, this.greeted);
      if (this.admission.admitted) this.tellHello();
    }
    if (fresh) this.answered();
    else if (!this.greeted) this.greeter.askSoon(); // it started a moment ago and missed the question
  }

  /** The first hello of a connection: did the probe restart while nobody listened, and what did it send meanwhile? */
  private compareWithLast(hello: MessageOf<'hello'>, packet: Packet): void {
    const last = this.lastHello;
    if (last === undefined) return;
    const same = sameStart(hello, last);
    if (!same && sameBytes(hello.id, last.id)) {
      this.restarts++;
      this.restartPending = true;
    }
    // `boots` begins again when the power was off, so believe only a gap that the time can have brought.
    const silentMs = this.options.clock.nowMs() - (this.detachedMs ?? 0);
    const believable = this.tracker.unexplained <= 64 + (2 * silentMs) / Math.max(1, hello.intervalMs);
    if (same && believable) this.tracker.confirm();
    else this.tracker.restart(packet.sequence + 1);
  }

  private answered(): void {
    if (this.greeted || this.write === undefined) return;
    this.greeted = true;
    this.greeter.heard();
    if (this.admission.admitted) this.onAdmitted();
    else this.admission.consider(this.hello!, true);
  }

  private onAdmitted(): void {
    this.tellHello();
    if (!this.greeted) return;
    this.enter('online');
    this.commands.open();
  }

  private onAsked(): void {
    this.commands.interrupt();
    if (this.currentState !== 'quarantined') this.enter('greeting');
  }

  private onRefused(refusal: Refusal, isNews: boolean): void {
    this.commands.interrupt();
    this.helloPending = true; // it is told when the probe is let in after all
    this.enter('quarantined');
    if (isNews) this.options.handlers.onRefused?.(this.hello!, refusal);
  }

  private tellHello(): void {
    if (!this.helloPending) return;
    this.helloPending = false;
    const about = { restarted: this.restartPending };
    this.restartPending = false;
    this.options.handlers.onHello?.(this.hello!, about);
  }

  private onNumbered(message: Exclude<UpMessage, { name: 'hello' }>, packet: Packet): void {
    const arrival = this.tracker.accept(packet.sequence, fingerprint(packet));
    if (arrival === 'duplicate') return;
    if (arrival === 'jump') this.greeter.askSoon();
    if (message.name === 'ack') {
      const taken = this.admission.acknowledge(message);
      const noSession = taken === 'other' ? this.commands.acknowledge(message) : taken === 'no_session';
      if (noSession && this.greeted) this.restarted(packet.sequence + 1);
      return;
    }
    if (this.hello !== undefined && !this.admission.admitted) {
      this.unauthenticated++;
      return;
    }
    const arrivalMs = this.options.clock.nowMs();
    const mapped =
      arrival === 'late' ? this.timeMap.toHostMs(message.timeMs) : this.timeMap.observe(message.timeMs, arrivalMs);
    if (mapped === undefined && arrival !== 'late') this.restarted(packet.sequence + 1);
    if (this.hello === undefined) {
      this.unidentified++;
      return;
    }
    const wallMs = this.options.clock.wallMs() - (arrivalMs - (mapped ?? arrivalMs));
    this.options.handlers.onMessage?.(message, { sequence: packet.sequence, arrivalMs, wallMs });
  }

  /** The probe restarted, and forgot what it executed: what was sent is `unknown`, and it wants a new greeting. */
  private restarted(nextSequence: number): void {
    this.restarts++;
    this.restartPending = true;
    this.tracker.restart(nextSequence);
    this.timeMap.reset();
    this.commands.interrupt();
    this.admission.restart();
    this.greet();
  }

  private enter(state: SessionState): void {
    if (state === this.currentState) return;
    this.currentState = state;
    this.options.handlers.onState?.(state);
  }
}

/** The host demands nothing. */
const takesAtItsWord: Authentication = { demand: () => ({ kind: 'none' }), nonce: () => new Uint8Array(0) };

function isUp(message: { name: keyof typeof messages }): message is UpMessage {
  const { direction }: MessageDefinition = messages[message.name];
  return direction === 'up';
}

function fingerprint({ type, payload }: Packet): number {
  return (type << 16) | crc16(payload);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** The same probe, not restarted since. */
function sameStart(a: MessageOf<'hello'>, b: MessageOf<'hello'>): boolean {
  return a.boots === b.boots && sameBytes(a.id, b.id);
}

/** Everything that a hello says, except which request it answers. */
function sameProbe(a: MessageOf<'hello'>, b: MessageOf<'hello'>): boolean {
  const { fields } = messages.hello;
  return fields.every(({ name }) => {
    if (name === 'session') return true;
    const [x, y] = [a[name], b[name]];
    return typeof x === 'number' || typeof y === 'number' ? x === y : sameBytes(x, y);
  });
}
