/** What an MQTT session speaks through: a TCP connection, or binary WebSocket messages (MQTT 3.1.1, section 6). */

import type { Socket } from 'node:net';
import type { BrokerMessage } from '../broker/index.ts';
import type { Connection } from './connection.ts';
import { frame, opcodes } from './frames.ts';
import type { MqttFrames } from './mqtt-frames.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import { Outbox, type QueueBudget } from './outbox.ts';
import { TurnWriter } from './turn-writer.ts';

export interface MqttLink {
  readonly isClosing: boolean;
  /** A packet has been read. */
  count(): void;
  /** Sends a whole packet. `retained` ones do not count against the byte limit (outbox.ts). */
  send(packet: Buffer, retained?: boolean): void;
  /** Sends a message with QoS 0, in the bytes that all its subscribers share. */
  sendShared(message: BrokerMessage): void;
  /**
   * Stops or resumes reading, so that a client cannot publish faster than the broker accepts; read again when as many
   * calls have resumed as have stopped.
   */
  setReading(reading: boolean): void;
  /** Ends the connection after what was sent. TCP has no place for code and reason. */
  close(code: number, reason: string): void;
}

export class MqttWebSocketLink implements MqttLink {
  readonly #connection: Connection;
  readonly #frames: MqttFrames;

  constructor(connection: Connection, frames: MqttFrames) {
    this.#connection = connection;
    this.#frames = frames;
  }

  get isClosing(): boolean {
    return this.#connection.isClosing;
  }

  /** WebSocket messages are counted by the connection. */
  count(): void {}

  send(packet: Buffer, retained?: boolean): void {
    this.#connection.send(frame(opcodes.binary, [packet]), retained);
  }

  sendShared(message: BrokerMessage): void {
    this.#connection.send(this.#frames.webSocketFrame(message), message.retained);
  }

  setReading(reading: boolean): void {
    this.#connection.setReading(reading);
  }

  close(code: number, reason: string): void {
    this.#connection.close(code, reason);
  }
}

/** What a session hears of its TCP connection. */
export interface MqttTcpHandlers {
  onBytes(bytes: Buffer): void;
  onClose(): void;
}

/** Time without traffic after which the kernel asks whether the peer is still there, for clients without keep-alive. */
const probeAfterMs = 60_000;

export class MqttTcpLink implements MqttLink {
  readonly #socket: Socket;
  readonly #frames: MqttFrames;
  readonly #limits: ServerLimits;
  readonly #counters: CloudCounters;
  readonly #writer: TurnWriter;
  readonly #outbox: Outbox;
  #holds = 0;
  #closing = false;

  constructor(socket: Socket, frames: MqttFrames, limits: ServerLimits, counters: CloudCounters, queues: QueueBudget) {
    this.#socket = socket;
    this.#frames = frames;
    this.#limits = limits;
    this.#counters = counters;
    this.#writer = new TurnWriter(socket);
    const tooSlow = () => {
      counters.slowConsumers += 1;
      this.close();
    };
    this.#outbox = new Outbox(this.#writer, limits, tooSlow, queues);
  }

  attach(handlers: MqttTcpHandlers): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, probeAfterMs);
    socket.on('data', (bytes) => {
      if (!this.#closing) handlers.onBytes(bytes as Buffer);
    });
    // `close` follows.
    socket.on('error', () => this.#outbox.stop());
    socket.on('close', () => {
      this.#closing = true;
      this.#outbox.stop();
      handlers.onClose();
    });
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  /** Bytes that the client has not taken. */
  get waitingBytes(): number {
    return this.#outbox.waitingBytes;
  }

  count(): void {
    this.#counters.messagesIn += 1;
  }

  send(packet: Buffer, retained = false): void {
    if (this.#closing) return;
    this.#counters.messagesOut += 1;
    this.#outbox.push(packet, retained);
  }

  sendShared(message: BrokerMessage): void {
    this.send(this.#frames.packet(message), message.retained);
  }

  setReading(reading: boolean): void {
    this.#holds += reading ? -1 : 1;
    if (this.#closing) return;
    if (this.#holds === 0) this.#socket.resume();
    else if (!reading && this.#holds === 1) this.#socket.pause();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#outbox.stop();
    this.#writer.flush();
    this.#socket.resume();
    this.#socket.end();
    const deadline = setTimeout(() => this.#socket.destroy(), this.#limits.closeGraceMs);
    deadline.unref();
    this.#socket.once('close', () => clearTimeout(deadline));
  }
}
