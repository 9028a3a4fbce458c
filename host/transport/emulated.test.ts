/** What is particular to emulated boards; what every transport promises is in test/contract. */
import { afterEach, describe, expect, it } from 'vitest';
import type { EarlError } from '../../errors/index.ts';
import { makeImage, type Timers } from '../emulator/index.ts';
import { defaultId, type EmulatedTransport, emulatedTransport } from './emulated.ts';

/**
 * Echoes what its UART receives, from LPM3: SMCLK comes on request.
 * MOV #0x5A80,&WDTCTL; MOV.B &CALBC1_1MHZ,&BCSCTL1; MOV.B &CALDCO_1MHZ,&DCOCTL; MOV #0x0400,SP; MOV.B #6,&P1SEL;
 * MOV.B #6,&P1SEL2; MOV.B #0x81,&UCA0CTL1; MOV.B #104,&UCA0BR0; MOV.B #2,&UCA0MCTL; MOV.B #0x80,&UCA0CTL1;
 * MOV.B #1,&IE2; BIS #0x00D8,SR; JMP $; handler: MOV.B &UCA0RXBUF,&UCA0TXBUF; RETI
 */
const words = [
  0x40b2, 0x5a80, 0x0120, 0x42d2, 0x10ff, 0x0057, 0x42d2, 0x10fe, 0x0056, 0x4031, 0x0400, 0x40f2, 0x0006, 0x0026,
  0x40f2, 0x0006, 0x0041, 0x40f2, 0x0081, 0x0061, 0x40f2, 0x0068, 0x0062, 0x43e2, 0x0064, 0x40f2, 0x0080, 0x0061,
  0x43d2, 0x0001, 0xd032, 0x00d8, 0x3fff, 0x42d2, 0x0066, 0x0067, 0x1300,
];
const handler = 0xc000 + 2 * words.indexOf(0x3fff) + 2;
const little = (values: number[]) => Uint8Array.from(values.flatMap((value) => [value & 0xff, value >> 8]));
const echo = makeImage('intel-hex', [
  { address: 0xc000, data: little(words) },
  { address: 0xffee, data: little([handler]) },
  { address: 0xfffe, data: little([0xc000]) },
]);

/** A wall clock that moves as fast as the event loop turns. */
class FastWall implements Timers {
  private ms = 0;
  now(): number {
    return this.ms;
  }
  after(ms: number, run: () => void): () => void {
    const immediate = setImmediate(() => {
      this.ms += ms;
      run();
    });
    return () => clearImmediate(immediate);
  }
}

const transports: EmulatedTransport[] = [];
function make(url: string, options: Parameters<typeof emulatedTransport>[1] = {}): EmulatedTransport {
  const transport = emulatedTransport(url, { timers: new FastWall(), ...options });
  transports.push(transport);
  return transport;
}
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.dispose();
});

/** Lets a board run: its program sets up the UART, or the last byte leaves the line. */
function settle(transport: EmulatedTransport): Promise<void> {
  const { scheduler } = transport.board!.mcu;
  return new Promise((resolve) => {
    scheduler.after(scheduler.cycles(0.005), resolve);
  });
}

/** Connects and gathers bytes; `until` resolves when so many came. */
async function plug(transport: EmulatedTransport) {
  const bytes: number[] = [];
  let enough: () => void = () => {};
  let closed: { error: EarlError | undefined } | undefined;
  const connection = await transport.connect({
    onData: (chunk) => {
      bytes.push(...chunk);
      enough();
    },
    onClose: (error) => {
      closed = { error };
    },
  });
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      enough = () => bytes.length >= count && resolve();
      enough();
    });
  return { connection, bytes, until, closed: () => closed };
}

describe('emu:', () => {
  it('runs released firmware, which speaks first', async () => {
    const { bytes, until } = await plug(make('emu:ball?id=0011223344556677'));
    await until(20);
    expect(bytes[0]).toBe(0);
  });

  it('carries bytes both ways through the UART of the program', async () => {
    const transport = make('emu:echo', { image: echo });
    const { connection, bytes, until } = await plug(transport);
    await settle(transport);
    const sent = Uint8Array.from({ length: 256 }, (_, index) => index);
    await connection.write(sent);
    await until(256);
    expect(bytes).toEqual([...sent]);
  });

  it('goes on without its cable, and is deaf then', async () => {
    const transport = make('emu:echo', { image: echo });
    const first = await plug(transport);
    await settle(transport);
    const writing = first.connection.write(new Uint8Array(1000).fill(1));
    await first.until(3);
    await first.connection.close();
    await expect(writing).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
    expect(first.closed()).toEqual({ error: undefined });
    await expect(first.connection.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
    const { board } = transport;
    await settle(transport);
    const second = await plug(transport);
    expect(transport.board).toBe(board);
    const from = board!.seconds;
    await second.connection.write(Uint8Array.of(2));
    await second.until(1);
    expect(second.bytes).toEqual([2]);
    expect(new Set(first.bytes)).toEqual(new Set([1]));
    expect(board!.seconds).toBeGreaterThan(from);
  });

  it('refuses more than 64 KiB that wait', async () => {
    const { connection } = await plug(make('emu:echo', { image: echo }));
    const first = connection.write(new Uint8Array(65536));
    await expect(connection.write(Uint8Array.of(1))).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
    await connection.close();
    await expect(first).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
  });

  it('is lost when the emulator fails, and says why', async () => {
    const transport = make('emu:echo', { image: echo });
    const line = await plug(transport);
    const { scheduler } = transport.board!.mcu;
    const lost = new Promise<void>((resolve) => {
      scheduler.after(1000, () => {
        setImmediate(() => setImmediate(() => setImmediate(resolve)));
        throw new Error('a part broke');
      });
    });
    await lost;
    expect(line.closed()!.error).toMatchObject({
      code: 'TRANSPORT_LOST',
      message: expect.stringContaining('a part broke'),
    });
    await expect(plug(transport)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
  });

  it('is off for good after dispose', async () => {
    const transport = make('emu:echo', { image: echo });
    const line = await plug(transport);
    await transport.dispose();
    expect(line.closed()).toEqual({ error: undefined });
    await expect(plug(transport)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
  });

  it('says what it cannot find or read', async () => {
    await expect(make('emu:toaster').powerOn()).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
    await expect(make('emu:./package.json').powerOn()).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
    for (const url of ['emu:', 'emu:ball?sed=1', 'emu:ball?seed=-1', 'emu:ball?world=flat', 'emu:ball?baud=9']) {
      expect(() => emulatedTransport(url), url).toThrowError(expect.objectContaining({ code: 'USAGE' }));
    }
    expect(() => emulatedTransport('emu:ball?id=12')).toThrowError(expect.objectContaining({ code: 'LINK_BAD_ID' }));
  });
});

it('gives every kind and seed an id of its own', () => {
  const ids = ['ball', 'arm', 'light'].flatMap((kind) => [1, 2].map((seed) => String(defaultId(kind, seed))));
  expect(new Set(ids).size).toBe(6);
  expect(defaultId('ball', 1)).toEqual(defaultId('ball', 1));
});
