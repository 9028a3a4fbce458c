/**
 * WebSocket connections that the addon serves: hands events to their peers, and collects what they send in a turn of the
 * event loop into buffers that the addon sends from. sockets.h says what crosses, and when.
 */

import type { Socket } from 'node:net';
import { type Addon, type Handle, loadAddon } from './addon.ts';

/** What hears of one connection. */
export interface NativePeer {
  /** A whole message; the bytes are valid during the call only. */
  onMessage(bytes: Buffer, start: number, end: number, isBinary: boolean): void;
  /** A ping, which has been answered, or a pong. */
  onHeard(): void;
  /** The kernel has taken all that waited. */
  onDrained(): void;
  /**
   * The client closes, or broke the protocol. It is answered when this batch has been heard, after what was written for it,
   * and has a moment to close the socket.
   */
  onClosing(code: number): void;
  /** The socket is gone; nothing follows. */
  onEnded(code: number): void;
}

export interface NativeLimits {
  readonly connections: number;
  readonly messageBytes: number;
  readonly fragments: number;
  /** Time between looks at busy sockets; 0 to look at once always. */
  readonly pauseMs: number;
}

const eventKinds = { text: 1, binary: 2, heard: 3, drained: 4, closing: 5, ended: 6 } as const;
const eventWords = 4;
const slotMask = 2 ** 20 - 1;
/** Places in `words`. */
const shared = { flushes: 0, commandWords: 1, outputBytes: 2, count: 4 } as const;

const inputBytes = 1024 * 1024;
const mostEvents = 16_384;
const outputBytes = 1024 * 1024;
const commandWords = 32_768;
/** What a frame for one connection takes of the commands. */
const leastCommand = 4;
/** Input beside two reads and the longest message, which must fit. */
const readBytes = 64 * 1024;

export class NativeSockets {
  readonly #addon: Addon;
  readonly #handle: Handle;
  readonly #input: Buffer;
  readonly #events: Uint32Array;
  readonly #output: Buffer;
  readonly #commands: Uint32Array;
  readonly #waiting: Uint32Array;
  readonly #words: Uint32Array;
  readonly #peers: (NativePeer | undefined)[] = [];
  /** By slot: 1 for connections that `writeMany` leaves out. */
  readonly #refusing: Uint8Array;
  #connections = 0;
  #inBatch = false;
  /** The flush that comes without being asked for: the one after a batch. */
  #flushToCome = -1;
  /** The frame that was written last, in which flush, and where it is counted who gets it. */
  #frame: Buffer | undefined;
  #frameFlush = -1;
  #countAt = 0;
  readonly #flushLater = () => this.flush();

  /** Throws what the addon says, e.g. when no file can be opened. */
  constructor(addon: Addon, { connections, messageBytes, fragments, pauseMs }: NativeLimits) {
    this.#addon = addon;
    const input = new ArrayBuffer(Math.max(inputBytes, 2 * (3 * readBytes + messageBytes)));
    const events = new ArrayBuffer(mostEvents * eventWords * 4);
    const output = new ArrayBuffer(outputBytes);
    const commands = new ArrayBuffer(commandWords * 4);
    const waiting = new ArrayBuffer((connections + 1) * 4);
    this.#refusing = new Uint8Array(connections + 1);
    const words = new ArrayBuffer(shared.count * 4);
    this.#input = Buffer.from(input);
    this.#events = new Uint32Array(events);
    this.#output = Buffer.from(output);
    this.#commands = new Uint32Array(commands);
    this.#waiting = new Uint32Array(waiting);
    this.#words = new Uint32Array(words);
    this.#handle = addon.open(
      input,
      events,
      output,
      commands,
      waiting,
      words,
      connections,
      messageBytes,
      Math.max(1, fragments),
      pauseMs,
      (count) => this.#take(count),
    );
  }

  /** Why the addon cannot be used, or what serves connections by it. */
  static open(limits: NativeLimits): NativeSockets | string {
    const addon = loadAddon();
    if (typeof addon === 'string') return addon;
    try {
      return new NativeSockets(addon, limits);
    } catch (error) {
      return (error as Error).message;
    }
  }

  get connections(): number {
    return this.#connections;
  }

  /** Counts what was sent to all connections: what was written before has gone when it has changed. */
  get flushes(): number {
    return this.#words[shared.flushes]!;
  }

  /**
   * Takes a connection over from Node, whose socket is destroyed; the id, or 0 when it cannot be taken and is as it was.
   * @param head what came with the handshake
   */
  adopt(socket: Socket, head: Buffer, peer: NativePeer): number {
    const descriptor = descriptorOf(socket);
    // Of an earlier answer on this connection something may be on its way.
    if (descriptor === undefined || socket.writableLength > 0) return 0;
    const buffered = socket.read() as Buffer | null;
    const early = buffered === null ? head : Buffer.concat([head, buffered]);
    const id = this.#addon.adopt(this.#handle, descriptor, early);
    if (id === 0) {
      if (buffered !== null) socket.unshift(buffered);
      return 0;
    }
    socket.destroy();
    this.#peers[id & slotMask] = peer;
    this.#refusing[id & slotMask] = 0;
    this.#connections += 1;
    if (this.#connections === 1) this.#addon.keepAlive(this.#handle, 1);
    return id;
  }

  /** Bytes of a connection that the kernel has not taken; those that are not flushed are left out. */
  waitingBytes(id: number): number {
    return this.#waiting[id & slotMask]!;
  }

  /** Sends a frame at the end of the turn. One that goes to many, one after the other, is kept once. */
  write(id: number, frame: Buffer): void {
    const words = this.#words;
    const flush = words[shared.flushes]!;
    const at = words[shared.commandWords]!;
    if (frame === this.#frame && flush === this.#frameFlush && at < commandWords) {
      this.#commands[at] = id;
      this.#commands[this.#countAt]! += 1;
      words[shared.commandWords] = at + 1;
      return;
    }
    const start = words[shared.outputBytes]!;
    if (at + leastCommand > commandWords || start + frame.length > outputBytes) {
      this.flush();
      if (frame.length > outputBytes) this.#addon.send(this.#handle, id, frame);
      else this.write(id, frame);
      return;
    }
    if (at === 0 && this.#flushToCome !== flush) setImmediate(this.#flushLater);
    this.#output.set(frame, start);
    const commands = this.#commands;
    commands[at] = start;
    commands[at + 1] = frame.length;
    commands[at + 2] = 1;
    commands[at + 3] = id;
    words[shared.commandWords] = at + leastCommand;
    words[shared.outputBytes] = start + frame.length;
    this.#frame = frame;
    this.#frameFlush = flush;
    this.#countAt = at + 2;
  }

  /**
   * As `write`, to many connections; left out are those that something waits for, and those that refuse. Returned are
   * their places in `ids`, which are few.
   */
  writeMany(ids: Uint32Array, frame: Buffer): readonly number[] {
    const words = this.#words;
    const needed = leastCommand - 1 + ids.length;
    if (needed > commandWords || frame.length > outputBytes) return Array.from(ids.keys());
    if (words[shared.commandWords]! + needed > commandWords) this.flush();
    if (words[shared.outputBytes]! + frame.length > outputBytes) this.flush();
    if (words[shared.commandWords] === 0 && this.#flushToCome !== words[shared.flushes]) setImmediate(this.#flushLater);
    const [waiting, refusing, commands] = [this.#waiting, this.#refusing, this.#commands];
    const head = words[shared.commandWords]!;
    const start = words[shared.outputBytes]!;
    const leftOut: number[] = [];
    let at = head + leastCommand - 1;
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index]!;
      const slot = id & slotMask;
      if (waiting[slot] === 0 && refusing[slot] === 0) commands[at++] = id;
      else leftOut.push(index);
    }
    this.#output.set(frame, start);
    commands[head] = start;
    commands[head + 1] = frame.length;
    commands[head + 2] = at - head - leastCommand + 1;
    words[shared.commandWords] = at;
    words[shared.outputBytes] = start + frame.length;
    this.#frame = undefined;
    return leftOut;
  }

  /** The owner of a connection must see each of its frames from now on. */
  refuseMany(id: number): void {
    this.#refusing[id & slotMask] = 1;
  }

  /** Sends what has been written. */
  flush(): void {
    if (this.#words[shared.commandWords] === 0) return;
    this.#addon.flush(this.#handle);
    if (this.#inBatch) this.#flushToCome = this.flushes;
  }

  setReading(id: number, reading: boolean): void {
    this.#addon.setReading(this.#handle, id, reading ? 1 : 0);
  }

  /** Sends a close frame after what was written, and waits for the client's; messages are no longer heard. */
  closeConnection(id: number, code: number, reason: string): void {
    this.flush();
    this.#addon.closeConnection(this.#handle, id, code, Buffer.from(reason));
  }

  terminate(id: number): void {
    this.#addon.terminate(this.#handle, id);
  }

  /** Ends all connections, of which their peers hear nothing. */
  close(): void {
    this.#addon.close(this.#handle);
  }

  #take(count: number): void {
    const end = count * eventWords;
    this.#inBatch = true;
    this.#flushToCome = this.flushes;
    for (let at = 0; at < end; ) {
      try {
        while (at < end) {
          at += eventWords;
          this.#event(at - eventWords);
        }
      } catch (error) {
        // As if each event had a turn of its own: the process ends, unless somebody listens for uncaught exceptions.
        process.nextTick(() => {
          throw error;
        });
      }
    }
    this.#inBatch = false;
  }

  #event(at: number): void {
    const events = this.#events;
    const slot = events[at]! & slotMask;
    const peer = this.#peers[slot];
    if (peer === undefined) return;
    const start = events[at + 2]!;
    switch (events[at + 1]) {
      case eventKinds.binary:
        peer.onMessage(this.#input, start, start + events[at + 3]!, true);
        return;
      case eventKinds.text:
        peer.onMessage(this.#input, start, start + events[at + 3]!, false);
        return;
      case eventKinds.heard:
        peer.onHeard();
        return;
      case eventKinds.drained:
        peer.onDrained();
        return;
      case eventKinds.closing:
        peer.onClosing(start);
        return;
      case eventKinds.ended:
        this.#peers[slot] = undefined;
        this.#connections -= 1;
        if (this.#connections === 0) this.#addon.keepAlive(this.#handle, 0);
        peer.onEnded(start);
    }
  }
}

/** The file descriptor of a plain TCP connection; Node has no documented way to ask for it. */
function descriptorOf(socket: Socket): number | undefined {
  if ('encrypted' in socket || socket.destroyed) return undefined;
  const descriptor = (socket as unknown as { _handle?: { fd?: unknown } })._handle?.fd;
  return typeof descriptor === 'number' && descriptor >= 0 ? descriptor : undefined;
}
