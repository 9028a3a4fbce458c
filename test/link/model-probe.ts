/**
 * A probe's end of the link as docs/link-protocol.md describes it, for tests of the host's end only: the firmware is
 * the real one. It executes nothing but counts what it would have executed, and can be restarted, with or without
 * power, and be told to keep quiet.
 */

import { proofOf } from '../../host/link/challenge.ts';
import { decodeMessage, encodeMessage } from '../../host/link/codec.ts';
import { encodeFrame, FrameReceiver, type Packet } from '../../host/link/framer.ts';
import { capabilities, type DownMessage, type MessageOf, statuses, type UpMessage } from '../../host/link/messages.ts';

export class ModelProbe {
  /** Commands that were executed, in order, as `name` or `name:argument`. */
  readonly executed: string[] = [];
  /** Where its bytes go. */
  send: (bytes: Uint8Array) => void = () => {};
  boots = 1;
  id = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 1);
  intervalMs = 250;
  /** Whether it refuses commands before the first greeting after a start. */
  refuses = true;
  ackData = new Uint8Array(0);
  /** Provisioned with the id; without it `authenticate` is unsupported. */
  key: Uint8Array | undefined;
  /** Whether it says that it has a key, if it has one. */
  claimsKey = true;
  /** False: firmware from before keys. */
  knowsAuthenticate = true;
  /** Questions for a proof that it got. */
  readonly nonces: Uint8Array[] = [];

  private sequence = 0;
  private session = 0;
  private last: { sequence: number; ack: MessageOf<'ack'> } | undefined;
  private readonly receiver = new FrameReceiver((packet) => this.onPacket(packet));

  receive(bytes: Uint8Array): void {
    this.receiver.push(bytes);
  }

  /** Sends hello as after a start. */
  start(): void {
    this.sequence = 0;
    this.session = 0;
    this.last = undefined;
    this.receiver.reset();
    this.emit(this.hello());
  }

  /** Counts the start; without power the count begins again. */
  restart(options: { power?: boolean } = {}): void {
    this.boots = options.power === false ? 1 : this.boots + 1;
    this.start();
  }

  emit(message: UpMessage): void {
    this.send(encodeFrame({ ...encodeMessage(message), sequence: this.nextSequence() }));
  }

  /** A number that is used up by a packet that never leaves. */
  nextSequence(): number {
    const sequence = this.sequence;
    this.sequence = (this.sequence + 1) & 0xffff;
    return sequence;
  }

  sample(timeMs: number): void {
    this.emit({ name: 'ball_sample', timeMs, presses: 0, pressed: 0 });
  }

  private hello(): MessageOf<'hello'> {
    const { boots, id, intervalMs, session } = this;
    const version = { versionMajor: 1, versionMinor: 0, versionPatch: 0 };
    const claimed = 3 | (this.key !== undefined && this.claimsKey ? capabilities.authenticates : 0);
    return { name: 'hello', kind: 1, ...version, id, capabilities: claimed, resetCause: 0, boots, intervalMs, session };
  }

  private onPacket(packet: Packet): void {
    const decoded = decodeMessage(packet);
    if (typeof decoded === 'string') return;
    const message = decoded as DownMessage;
    if (message.name === 'hello_request') {
      if (message.session !== this.session) this.last = undefined;
      this.session = message.session;
      this.emit(this.hello());
      return;
    }
    this.emit(this.answer(message, packet.sequence));
  }

  private answer(message: DownMessage, commandSequence: number): MessageOf<'ack'> {
    if (this.last?.sequence === commandSequence) return this.last.ack;
    const ack: MessageOf<'ack'> = { name: 'ack', commandSequence, status: statuses.ok, data: this.ackData };
    if (this.session === 0 && this.refuses) return { ...ack, status: statuses.no_session, data: new Uint8Array(0) };
    if (message.name === 'authenticate') return this.prove(message, ack);
    this.executed.push(message.name === 'set_interval' ? `set_interval:${message.intervalMs}` : message.name);
    if (message.name === 'set_interval') this.intervalMs = message.intervalMs;
    this.last = { sequence: commandSequence, ack };
    return ack;
  }

  private prove({ nonce }: MessageOf<'authenticate'>, ack: MessageOf<'ack'>): MessageOf<'ack'> {
    this.nonces.push(nonce);
    const nothing = new Uint8Array(0);
    if (!this.knowsAuthenticate) return { ...ack, status: statuses.unknown_command, data: nothing };
    if (this.key === undefined) return { ...ack, status: statuses.unsupported, data: nothing };
    const proof = { ...ack, data: proofOf(this.key, nonce, this.id) };
    this.last = { sequence: ack.commandSequence, ack: proof };
    return proof;
  }
}
