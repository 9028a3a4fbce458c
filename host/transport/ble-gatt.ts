/**
 * A link's GATT side: which bridge it is, the characteristic that bytes come by, and a queue that writes to the other one.
 *
 * A write is cut to ATT_MTU - 3 bytes (volume 3, part F, 3.4.5), and follows the module's UART: no more is sent ahead of its
 * baud rate than a small buffer holds. Writes without response are preferred, since one with response costs two connection
 * intervals; but noble says that they are written when they wait in its own queue. So every few of them something goes that
 * the module answers: a write with response where that is offered, or else a question about the characteristic.
 */

import { EarlError } from '../../errors/index.ts';
import type { Clock } from '../link/index.ts';
import type { BleTimes } from './ble-adapter.ts';
import { type Bridge, bridgeAmong, bridges, shortUuid } from './ble-bridges.ts';
import { type NobleCharacteristic, type NoblePeripheral, type NobleService, pending } from './ble-noble.ts';
import { MAX_WAITING_BYTES } from './stream-transport.ts';

/** Volume 3, part F, 3.2.8: without any exchange of MTUs. */
const DEFAULT_MTU = 23;
/** What noble offers; the link's MTU is the smaller one of this and what the module offers. */
const NOBLE_MTU = 256;
const ATT_HEADER_BYTES = 3;
/** Writes without response between two answers. */
const WINDOW = 4;
/** Volume 3, part F, 3.3.3: a transaction without an answer by then is the end of the link. */
const TRANSACTION_MS = 30_000;
/** What a module's UART has room for. */
const UART_BUFFER_BYTES = 64;

export interface BridgeLink {
  readonly bridge: Bridge;
  readonly write: NobleCharacteristic;
  readonly notify: NobleCharacteristic;
  /** Of ATT. */
  readonly mtu: number;
}

/**
 * Finds the bridge and switches its notifications on; `onData` may be called before this resolves.
 * Rejects with `TRANSPORT_FAILED`, `TRANSPORT_NOT_FOUND` when there is no bridge.
 */
export async function openBridge(
  peripheral: NoblePeripheral,
  onData: (bytes: Uint8Array) => void,
  { clock, times: { stepMs } }: { readonly clock: Clock; readonly times: Pick<BleTimes, 'stepMs'> },
): Promise<BridgeLink> {
  const services = await pending<NobleService[]>(clock, 'looking for services', stepMs, (done) =>
    peripheral.discoverServices([], done),
  );
  const bridge = bridgeAmong(services.map(({ uuid }) => uuid));
  const service = services.find(({ uuid }) => shortUuid(uuid) === bridge?.service);
  if (bridge === undefined || service === undefined) {
    const known = bridges.map(({ name }) => name).join(', ');
    throw new EarlError('TRANSPORT_NOT_FOUND', `it is connected, but is no serial bridge that Earl knows (${known})`);
  }
  const found = await pending<NobleCharacteristic[]>(clock, 'looking for characteristics', stepMs, (done) =>
    service.discoverCharacteristics([], done),
  );
  const write = found.find(({ uuid }) => shortUuid(uuid) === bridge.write);
  const notify = found.find(({ uuid }) => shortUuid(uuid) === bridge.notify);
  if (write === undefined || notify === undefined) {
    throw new EarlError('TRANSPORT_FAILED', `its ${bridge.name} lacks the characteristics that make one`);
  }
  notify.on('data', (data) => onData(Uint8Array.from(data)));
  await pending<void>(clock, 'switching notifications on', stepMs, (done) => notify.subscribe(done));
  // noble holds what the server offered even where it is more than noble itself did.
  return { bridge, write, notify, mtu: Math.min(peripheral.mtu ?? DEFAULT_MTU, NOBLE_MTU) };
}

export interface BleWriterOptions {
  readonly url: string;
  readonly link: BridgeLink;
  readonly baud: number;
  readonly clock: Clock;
  /** The module answers no more. */
  readonly onDead: (error: EarlError) => void;
}

interface Waiting {
  readonly bytes: Uint8Array;
  sent: number;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
}

export class BleWriter {
  private readonly options: BleWriterOptions;
  private readonly chunkBytes: number;
  private readonly withResponse: boolean;
  private readonly withoutResponse: boolean;
  private readonly queue: Waiting[] = [];
  private waitingBytes = 0;
  private unanswered = 0;
  /** When the module's UART will have sent everything. */
  private drainedMs = 0;
  private running = false;
  private over: EarlError | undefined;
  private cancelPause: (() => void) | undefined;

  constructor(options: BleWriterOptions) {
    const { link } = options;
    this.options = options;
    this.chunkBytes = Math.max(1, link.mtu - ATT_HEADER_BYTES);
    this.withResponse = link.write.properties.includes('write');
    // Some modules declare nothing: the plain write is what every server knows.
    this.withoutResponse = link.write.properties.includes('writeWithoutResponse');
  }

  /** Resolves when the controller has, or the module answered for, the last byte. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.over !== undefined) return Promise.reject(this.over);
    if (this.waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      const message = `${this.options.url} does not keep up: ${this.waitingBytes} bytes wait already`;
      return Promise.reject(new EarlError('TRANSPORT_FULL', message));
    }
    this.waitingBytes += bytes.length;
    return new Promise((resolve, reject) => {
      this.queue.push({ bytes: Uint8Array.from(bytes), sent: 0, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  /** Nothing is written any more; what waits is rejected with this error. */
  stop(error: EarlError): void {
    if (this.over !== undefined) return;
    this.over = error;
    this.cancelPause?.();
    for (const { reject } of this.queue.splice(0)) reject(error);
  }

  private async run(): Promise<void> {
    this.running = true;
    // Later, so that what is written in the same turn shares a packet.
    await Promise.resolve();
    try {
      while (this.over === undefined && this.queue.length > 0) {
        await this.pace();
        if (this.over !== undefined) break;
        const { chunk, done } = this.take();
        await this.send(chunk);
        for (const { resolve } of done) resolve();
      }
    } catch (error) {
      if (this.over === undefined) this.options.onDead(error as EarlError);
    }
    this.running = false;
  }

  /** The next packet, of as many writes as fit, and those that end with it. */
  private take(): { chunk: Buffer; done: Waiting[] } {
    const parts: Uint8Array[] = [];
    const done: Waiting[] = [];
    let room = this.chunkBytes;
    while (room > 0 && this.queue.length > 0) {
      const first = this.queue[0]!;
      const part = first.bytes.subarray(first.sent, first.sent + room);
      parts.push(part);
      first.sent += part.length;
      room -= part.length;
      if (first.sent === first.bytes.length) done.push(this.queue.shift()!);
    }
    const chunk = Buffer.concat(parts);
    this.waitingBytes -= chunk.length;
    return { chunk, done };
  }

  private async send(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return;
    const { clock, link } = this.options;
    const { write } = link;
    const mayAsk = this.unanswered + 1 >= WINDOW;
    const silent = this.withoutResponse && !(mayAsk && this.withResponse);
    await pending<void>(clock, 'writing', TRANSACTION_MS, (done) => write.write(chunk, silent, done));
    this.unanswered = silent ? this.unanswered + 1 : 0;
    if (this.unanswered >= WINDOW) {
      // Answered after what was written before: ATT keeps the order.
      await pending(clock, 'writing', TRANSACTION_MS, (done) => write.discoverDescriptors(done));
      this.unanswered = 0;
    }
    const nowMs = clock.nowMs();
    this.drainedMs = Math.max(nowMs, this.drainedMs) + this.onUartMs(chunk.length);
  }

  /** Waits until the module's UART has room for another packet. */
  private async pace(): Promise<void> {
    const { clock } = this.options;
    const aheadMs = this.drainedMs - clock.nowMs() - this.onUartMs(UART_BUFFER_BYTES);
    if (aheadMs <= 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(aheadMs, resolve);
      this.cancelPause = () => {
        cancel();
        resolve();
      };
    });
    this.cancelPause = undefined;
  }

  /** Start, eight bits and stop. */
  private onUartMs(bytes: number): number {
    return (bytes * 10 * 1000) / this.options.baud;
  }
}
