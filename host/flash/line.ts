/**
 * A serial line with modem lines as the boot loader needs it: 8E1, DTR and RTS, a rate that changes, reading with a time
 * limit. On a port of this machine (serialport) or behind an RFC 2217 server.
 */

import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SerialPort } from 'serialport';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { parseRfc2217Url, Rfc2217Port } from '../transport/rfc2217.ts';
import { explainOpenError } from '../transport/serial.ts';

export interface FlashLine {
  /** What the user typed. */
  readonly name: string;
  /** Resolves when the bytes were taken. Rejects with `FLASH_LOST`. */
  write(bytes: Uint8Array): Promise<void>;
  /** That many bytes, or fewer when the time is over. Rejects with `FLASH_LOST`. */
  read(count: number, timeoutMs: number): Promise<Uint8Array>;
  /** Forgets what came and was not read. */
  flush(): Promise<void>;
  /** True for asserted. */
  setModem(lines: { dtr: boolean; rts: boolean }): Promise<void>;
  setBaud(baud: number): Promise<void>;
  /** Waits in the line's own time. */
  delay(ms: number): Promise<void>;
  close(): Promise<void>;
}

const FIRST_BAUD = 9600;

/** @param port a device path, or `rfc2217://HOST:PORT`. Rejects with the errors of a transport. */
export function openFlashLine(port: string): Promise<FlashLine> {
  return port.startsWith('rfc2217:') ? openRemote(port) : openSerial(port.replace(/^serial:/, ''));
}

interface LineControl {
  setModem(lines: { dtr: boolean; rts: boolean }): Promise<void>;
  setBaud(baud: number): Promise<void>;
  flush(): Promise<void>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

async function openRemote(url: string): Promise<FlashLine> {
  const port = await Rfc2217Port.open(parseRfc2217Url(url), new AbortController().signal);
  await port.setLine({ baud: FIRST_BAUD, parity: 'even' });
  return new StreamLine(url, port, {
    setModem: (lines) => port.setModem(lines),
    setBaud: (baud) => port.setLine({ baud, parity: 'even' }),
    flush: () => port.purge(),
    drain: async () => {},
    close: async () => {
      port.destroy();
    },
  });
}

async function openSerial(path: string): Promise<FlashLine> {
  const { SerialPort: Port } = await import('serialport');
  // Closing must not drop DTR: with the usual wiring that would hold the chip in reset.
  const port = new Port({ path, baudRate: FIRST_BAUD, parity: 'even', autoOpen: false, hupcl: false });
  try {
    await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  } catch (error) {
    throw await explainOpenError(error, path);
  }
  return new StreamLine(path, port, {
    setModem: (lines) => called((done) => port.set(lines, done)),
    setBaud: (baudRate) => called((done) => port.update({ baudRate }, done)),
    flush: () => called((done) => port.flush(done)),
    drain: () => called((done) => port.drain(done)),
    close: () => (port.isOpen ? called((done) => port.close(done)) : Promise.resolve()),
  });
}

function called(call: (done: Parameters<SerialPort['drain']>[0]) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
}

class StreamLine implements FlashLine {
  readonly name: string;
  private readonly stream: Duplex;
  private readonly control: LineControl;
  private received: number[] = [];
  private wake: (() => void) | undefined;
  private cause: unknown;
  private over = false;
  private closing = false;

  constructor(name: string, stream: Duplex, control: LineControl) {
    this.name = name;
    this.stream = stream;
    this.control = control;
    stream.on('data', (bytes: Uint8Array) => {
      this.received.push(...bytes);
      this.wake?.();
    });
    stream.on('error', (error) => {
      this.cause ??= error;
    });
    stream.on('close', () => {
      this.over = true;
      this.wake?.();
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.unlessLost(
      () =>
        new Promise<void>((resolve, reject) => {
          this.stream.write(Buffer.from(bytes), (error) => (error ? reject(error) : resolve()));
        }),
    );
    await this.unlessLost(() => this.control.drain());
  }

  async read(count: number, timeoutMs: number): Promise<Uint8Array> {
    const end = performance.now() + timeoutMs;
    while (this.received.length < count) {
      if (this.over) throw this.lost();
      const left = end - performance.now();
      if (left <= 0) break;
      await this.wait(left);
    }
    return Uint8Array.from(this.received.splice(0, count));
  }

  async flush(): Promise<void> {
    await this.unlessLost(() => this.control.flush());
    this.received = [];
  }

  setModem(lines: { dtr: boolean; rts: boolean }): Promise<void> {
    return this.unlessLost(() => this.control.setModem(lines));
  }

  setBaud(baud: number): Promise<void> {
    return this.unlessLost(() => this.control.setBaud(baud));
  }

  async delay(ms: number): Promise<void> {
    await sleep(ms);
    if (this.over) throw this.lost();
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.control.close().catch(() => {});
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async unlessLost<T>(act: () => Promise<T>): Promise<T> {
    if (this.over) throw this.lost();
    try {
      return await act();
    } catch (error) {
      if (error instanceof EarlError && error.code === 'TRANSPORT_FAILED') throw error;
      this.cause ??= error;
      throw this.lost();
    }
  }

  private lost(): EarlError {
    const why = this.closing
      ? 'it was closed'
      : this.cause === undefined
        ? 'the other end is gone'
        : errorMessage(this.cause);
    return new EarlError('FLASH_LOST', `${this.name} was lost (${why}): is the cable still plugged in?`, {
      cause: this.cause,
    });
  }
}
