/**
 * `rfc2217://HOST:PORT[?baud=9600]`: a serial port behind a server that speaks RFC 2217, as `earl emulate --rfc2217`,
 * ser2net and esp_rfc2217_server do.
 *
 * As a Duplex it is a plain line, 8N1; rate, parity and modem lines can be changed while it is open. Each change waits
 * for the server's answer, so that bytes written after it leave after it. Left out: flow control, line states.
 */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { EarlError } from '../../errors/index.ts';
import { comPort, control, type Parity, parityCodes, parityName, purge, SERVER } from './rfc2217-codes.ts';
import { type OpenStream, StreamTransport } from './stream-transport.ts';
import { connectTcp, type TcpAddress } from './tcp.ts';
import { option, Telnet } from './telnet.ts';
import type { Transport } from './transport.ts';

const ANSWER_TIMEOUT_MS = 3000;
const DEFAULT_BAUD = 9600;

export interface Rfc2217Address extends TcpAddress {
  readonly baud: number;
}

/** Reads `rfc2217://HOST:PORT[?baud=N]`. Throws `USAGE`. */
export function parseRfc2217Url(url: string): Rfc2217Address {
  const match = /^rfc2217:\/\/(?:\[([^\]]+)\]|([^:[\]/?]+)):(\d+)(?:\?baud=(\d+))?$/.exec(url);
  const port = Number(match?.[3]);
  const baud = Number(match?.[4] ?? DEFAULT_BAUD);
  if (!match || port < 1 || port > 65_535 || baud < 50 || baud > 4_000_000) {
    throw new EarlError('USAGE', `"${url}": write rfc2217://HOST:PORT or rfc2217://HOST:PORT?baud=9600`);
  }
  return { host: match[1] ?? match[2]!, port, baud };
}

/** Throws `USAGE` when the URL cannot be read. */
export function rfc2217Transport(url: string): Transport {
  const address = parseRfc2217Url(url);
  const open = async (signal: AbortSignal): Promise<OpenStream> => {
    const port = await Rfc2217Port.open(address, signal);
    try {
      await port.setLine({ baud: address.baud, parity: 'none' });
    } catch (error) {
      port.destroy();
      throw error;
    }
    return { stream: port, close: () => port.end(() => port.destroy()) };
  };
  return new StreamTransport(url, open, address.baud);
}

export interface LineSettings {
  readonly baud: number;
  readonly parity: Parity;
}

interface Waiter {
  readonly command: number;
  readonly answered: (value: Uint8Array) => void;
  readonly failed: (error: EarlError) => void;
}

export class Rfc2217Port extends Duplex {
  private readonly socket: Socket;
  private readonly telnet: Telnet;
  private readonly name: string;
  private waiters: Waiter[] = [];
  private refused = false;

  /** Rejects with the errors of a TCP connection, or `TRANSPORT_FAILED` when no RFC 2217 server is there. */
  static async open(address: TcpAddress, signal: AbortSignal): Promise<Rfc2217Port> {
    const port = new Rfc2217Port(await connectTcp(address, signal), `${address.host} port ${address.port}`);
    try {
      // Servers answer whatever the setting is: this finds out whether the option is understood at all.
      await port.ask(comPort.baud, [0, 0, 0, 0]);
    } catch (error) {
      port.destroy();
      throw error;
    }
    return port;
  }

  private constructor(socket: Socket, name: string) {
    super({ allowHalfOpen: false });
    // Before somebody listens, what fails is told by the call that waits.
    this.on('error', () => {});
    this.socket = socket;
    this.name = name;
    this.telnet = new Telnet({
      onData: (bytes) => this.push(bytes),
      onSubnegotiation: (number, bytes) => {
        if (number === option.comPort && bytes.length > 0) this.answered(bytes[0]! - SERVER, bytes.subarray(1));
      },
      onOption: (number, theirs, on) => {
        // Only WILL or DO of the server counts; some servers agree to one direction alone.
        if (number === option.comPort && !theirs && !on) this.refuse();
      },
      send: (bytes) => {
        if (!socket.destroyed) socket.write(bytes);
      },
    });
    socket.on('data', (bytes) => this.telnet.push(bytes));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => {
      this.fail(new EarlError('TRANSPORT_LOST', `the connection to ${this.name} was lost`));
      this.push(null);
      this.destroy();
    });
    for (const number of [option.binary, option.suppressGoAhead, option.comPort]) this.telnet.propose(number);
  }

  /** Sets rate and parity, 8 data bits, 1 stop bit. Rejects with `TRANSPORT_FAILED` when the server does not take them. */
  async setLine({ baud, parity }: LineSettings): Promise<void> {
    const rate = new Uint8Array(4);
    new DataView(rate.buffer).setUint32(0, baud);
    const answer = await this.ask(comPort.baud, rate);
    const got = answer.length === 4 ? new DataView(answer.buffer, answer.byteOffset).getUint32(0) : 0;
    if (got !== baud) throw this.error(`offers ${got} baud instead of ${baud}`);
    await this.ask(comPort.dataSize, [8]);
    const code = (await this.ask(comPort.parity, [parityCodes[parity]]))[0] ?? 0;
    if (code !== parityCodes[parity]) {
      throw this.error(`offers ${parityName(code) ?? 'no'} parity instead of ${parity}`);
    }
    await this.ask(comPort.stopSize, [1]);
  }

  /** Modem lines, true for asserted. */
  async setModem({ dtr, rts }: { dtr?: boolean; rts?: boolean }): Promise<void> {
    if (dtr !== undefined) await this.ask(comPort.control, [dtr ? control.dtrOn : control.dtrOff]);
    if (rts !== undefined) await this.ask(comPort.control, [rts ? control.rtsOn : control.rtsOff]);
  }

  /** Forgets what the server holds in either direction. */
  async purge(): Promise<void> {
    await this.ask(comPort.purge, [purge.both]);
  }

  override _read(): void {
    // The socket's bytes are pushed as they come: a serial line is slow.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.socket.destroyed) {
      done(new Error('the connection is closed'));
      return;
    }
    this.telnet.sendData(chunk);
    if (this.socket.writableNeedDrain) this.socket.once('drain', () => done());
    else done();
  }

  override _final(done: () => void): void {
    this.socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.fail(new EarlError('TRANSPORT_CLOSED', `the connection to ${this.name} is closed`));
    this.socket.destroy();
    done(error);
  }

  private ask(command: number, value: Iterable<number>): Promise<Uint8Array> {
    if (this.refused) return Promise.reject(this.notRfc2217());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters = this.waiters.filter((each) => each !== waiter);
        reject(this.notRfc2217());
      }, ANSWER_TIMEOUT_MS);
      const waiter: Waiter = {
        command,
        answered: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        failed: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.waiters.push(waiter);
      this.telnet.sendSubnegotiation(option.comPort, Uint8Array.of(command, ...value));
    });
  }

  private answered(command: number, value: Uint8Array): void {
    const index = this.waiters.findIndex((waiter) => waiter.command === command);
    if (index >= 0) this.waiters.splice(index, 1)[0]!.answered(value);
  }

  private refuse(): void {
    this.refused = true;
    this.fail(this.notRfc2217());
  }

  private fail(error: EarlError): void {
    for (const waiter of this.waiters.splice(0)) waiter.failed(error);
  }

  private notRfc2217(): EarlError {
    return this.error('does not answer as an RFC 2217 server: for a plain socket use tcp:HOST:PORT');
  }

  private error(what: string): EarlError {
    return new EarlError('TRANSPORT_FAILED', `${this.name} ${what}`);
  }
}
