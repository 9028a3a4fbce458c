/**
 * What every Transport promises (host/transport/transport.ts), as one suite over a factory.
 *
 * The far end is something that answers: it echoes, or it is a probe that answers a hello_request with hello. The suite
 * speaks in frames with a session number, which both return, and so needs to know no more than `answer`.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EarlError } from '../../errors/index.ts';
import { encodeFrame, encodeMessage, FrameReceiver, type Packet } from '../../host/link/index.ts';
import type { Connection, Transport } from '../../host/transport/transport.ts';
import { type Faults, FaultyTransport, seeded } from './faulty-transport.ts';

export interface TransportFixture {
  readonly transport: Transport;
  /** The session number that an answer of the far end carries. */
  answer(packet: Packet): number | undefined;
  /** True when the far end returns any bytes as they are. */
  readonly echoes: boolean;
  /** Questions that the far end takes without having answered one; a probe has room for few answers. */
  readonly burst: number;
  /** The far end goes away, and comes back; absent where it cannot. */
  readonly farEnd?: { vanish(): Promise<void>; comeBack(): Promise<void> };
  dispose(): Promise<void>;
}

export function transportContract(name: string, create: () => Promise<TransportFixture>): void {
  describe(`${name} keeps the contract of a Transport`, () => {
    let fixture: TransportFixture;
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(async () => {
      await fixture.transport.dispose();
      await fixture.dispose();
    });

    test('frames go there and come back, in order', async () => {
      const line = await Line.open(fixture);
      const sessions = Array.from({ length: 20 }, (_, n) => 0x0100 + n);
      for (const session of sessions) {
        await line.until(() => line.pending < fixture.burst);
        await line.ask(session);
      }
      await line.until(() => line.answers.length === sessions.length);
      expect(line.answers).toEqual(sessions);
      await line.connection.close();
      expect(line.closes).toEqual([undefined]);
    });

    test('writes that nobody waits for keep their order', async () => {
      const line = await Line.open(fixture);
      const sessions = Array.from({ length: fixture.burst }, (_, n) => 1 + n);
      await Promise.all(sessions.map((session) => line.ask(session)));
      await line.until(() => line.answers.length === sessions.length);
      expect(line.answers).toEqual(sessions);
    });

    test('every byte value passes', async ({ skip }) => {
      if (!fixture.echoes) skip('the far end is no echo');
      const line = await Line.open(fixture);
      const bytes = Uint8Array.from({ length: 1024 }, (_, at) => at & 0xff);
      await line.connection.write(bytes);
      await line.until(() => line.bytes.length >= bytes.length);
      expect(line.bytes).toEqual([...bytes]);
    });

    test('a received array belongs to the handler, a written one to the writer', async () => {
      const line = await Line.open(fixture, { scribble: true });
      for (let session = 1; session <= 10; session++) {
        await line.until(() => line.pending < fixture.burst);
        line.asked++;
        const frame = request(session);
        const written = line.connection.write(frame);
        frame.fill(0x55);
        await written;
      }
      await line.until(() => line.answers.length === 10);
      expect(line.answers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    test('no handler is called from inside connect or write', async () => {
      let inside = true;
      const calls: boolean[] = [];
      const connecting = fixture.transport.connect({
        onData: () => calls.push(inside),
        onClose: () => calls.push(inside),
      });
      inside = false;
      const connection = await connecting;
      inside = true;
      const writing = connection.write(request(1));
      inside = false;
      await writing;
      await poll(() => calls.length > 0);
      await connection.close();
      expect(calls).not.toContain(true);
    });

    test('one connection at a time: a second is refused, the first lives', async () => {
      const line = await Line.open(fixture);
      await expect(fixture.transport.connect(silent)).rejects.toMatchObject({ code: 'TRANSPORT_BUSY' });
      await line.ask(7);
      await line.until(() => line.answers.includes(7));
      expect(line.closes).toEqual([]);
    });

    test('a second connect while the first is being opened is refused', async () => {
      const first = fixture.transport.connect(silent);
      await expect(fixture.transport.connect(silent)).rejects.toMatchObject({ code: 'TRANSPORT_BUSY' });
      await (await first).close();
    });

    test('can be connected to again and again', async () => {
      for (let round = 1; round <= 3; round++) {
        const line = await Line.open(fixture);
        await line.ask(round);
        await line.until(() => line.answers.includes(round));
        await line.connection.close();
        expect(line.closes).toEqual([undefined]);
      }
    });

    test('close ends it once, and nothing follows', async () => {
      const line = await Line.open(fixture);
      await line.ask(1);
      const first = line.connection.close();
      const second = line.connection.close();
      await first;
      expect(line.closes).toEqual([undefined]);
      const { length } = line.bytes;
      await second;
      await line.connection.close();
      await expect(line.connection.write(request(2))).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
      await turns(20);
      expect(line.closes.length).toBe(1);
      expect(line.bytes.length).toBe(length);
    });

    test('more than 64 KiB at once is refused, and the connection lives', async () => {
      const line = await Line.open(fixture);
      const tooMuch = line.connection.write(new Uint8Array(64 * 1024 + 1));
      await expect(tooMuch).rejects.toMatchObject({ code: 'TRANSPORT_FULL' });
      await line.ask(9);
      await line.until(() => line.answers.includes(9));
    });

    test('what waits when the connection is closed is settled', async () => {
      const line = await Line.open(fixture);
      const writes = Array.from({ length: 15 }, () => line.connection.write(new Uint8Array(4096)));
      const settled = Promise.allSettled(writes);
      await line.connection.close();
      for (const result of await settled) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'TRANSPORT_CLOSED' });
      }
    });

    test('dispose closes the connection and is the end', async () => {
      const line = await Line.open(fixture);
      await fixture.transport.dispose();
      expect(line.closes).toEqual([undefined]);
      await expect(line.connection.write(request(1))).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
      await expect(fixture.transport.connect(silent)).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
      await fixture.transport.dispose();
    });

    test('a far end that vanishes is told once, and found again when it is back', async ({ skip }) => {
      const { farEnd } = fixture;
      if (!farEnd) return skip('the far end cannot vanish');
      const line = await Line.open(fixture);
      await line.ask(1);
      await line.until(() => line.answers.includes(1));
      await farEnd.vanish();
      await line.until(() => line.closes.length > 0);
      expect(line.closes).toEqual([expect.objectContaining({ code: 'TRANSPORT_LOST' })]);
      await expect(line.connection.write(request(2))).rejects.toMatchObject({ code: 'TRANSPORT_CLOSED' });
      await line.connection.close();
      expect(line.closes.length).toBe(1);
      await expect(fixture.transport.connect(silent)).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' });
      await farEnd.comeBack();
      const again = await Line.open(fixture);
      await again.ask(3);
      await again.until(() => again.answers.includes(3));
    });

    test('fragments and delays change nothing', async () => {
      const line = await Line.open(fixture, {}, { random: seeded(1), fragment: true, delayMs: 2 });
      for (let session = 1; session <= 5; session++) {
        await line.until(() => line.pending < fixture.burst);
        await line.ask(session);
      }
      await line.until(() => line.answers.length === 5);
      expect(line.answers).toEqual([1, 2, 3, 4, 5]);
      // A probe may have been in the middle of a frame when the connection began.
      const { crcErrors, frameErrors } = line.receiver.counters;
      expect(crcErrors + frameErrors).toBeLessThanOrEqual(fixture.echoes ? 0 : 1);
    });

    test('one damaged byte in a hundred: errors are counted, and no wrong answer gets through', async () => {
      const line = await Line.open(fixture, {}, { random: seeded(2), fragment: true, noise: 0.01 });
      const sessions = Array.from({ length: 40 }, (_, n) => 1000 + n);
      for (const session of sessions) {
        await line.ask(session);
        // A probe has room for few answers: a question that is not answered by then was lost.
        if (!fixture.echoes) await line.until(() => line.answers.includes(session), 150).catch(() => {});
      }
      // Another question after the others until one is answered: the noise may take any of them.
      for (let last = 2000; !line.answers.some((session) => session >= 2000); last++) {
        await line.ask(last);
        await line.until(() => line.answers.some((session) => session >= 2000), 150).catch(() => {});
      }
      const answered = line.answers.filter((session) => session < 2000);
      expect((line.transport as FaultyTransport).damaged).toBeGreaterThan(0);
      expect(sessions).toEqual(expect.arrayContaining(answered));
      expect(new Set(answered).size).toBe(answered.length);
      expect(answered.length).toBeGreaterThan(15);
      const { crcErrors, frameErrors } = line.receiver.counters;
      if (fixture.echoes) expect(crcErrors + frameErrors).toBeGreaterThan(0);
    });

    test('a connection that is lost in the middle of a frame is made again', async () => {
      const faulty = new FaultyTransport(fixture.transport, { random: seeded(3), loseAfterBytes: 5 });
      for (let round = 0; round < 2; round++) {
        const line = await Line.open({ ...fixture, transport: faulty });
        await line.ask(1).catch((error) => expect(error).toMatchObject({ code: 'TRANSPORT_CLOSED' }));
        await line.until(() => line.closes.length > 0);
        expect(line.closes).toEqual([expect.objectContaining({ code: 'TRANSPORT_LOST' })]);
        expect(line.bytes.length).toBe(5);
      }
    });
  });
}

const silent = { onData: () => {}, onClose: () => {} };

function request(session: number): Uint8Array {
  return encodeFrame({ ...encodeMessage({ name: 'hello_request', session }), sequence: session });
}

/** A connection and everything that came over it. */
class Line {
  readonly bytes: number[] = [];
  readonly answers: number[] = [];
  readonly closes: (EarlError | undefined)[] = [];
  readonly receiver: FrameReceiver;
  asked = 0;
  transport!: Transport;
  connection!: Connection;

  private constructor(fixture: TransportFixture) {
    this.receiver = new FrameReceiver((packet) => {
      const session = fixture.answer(packet);
      if (session !== undefined && session !== 0) this.answers.push(session);
    });
  }

  static async open(fixture: TransportFixture, options: { scribble?: boolean } = {}, faults?: Faults): Promise<Line> {
    const line = new Line(fixture);
    line.transport = faults ? new FaultyTransport(fixture.transport, faults) : fixture.transport;
    line.connection = await line.transport.connect({
      onData: (bytes) => {
        line.bytes.push(...bytes);
        line.receiver.push(bytes);
        if (options.scribble) bytes.fill(0xaa);
      },
      onClose: (error) => line.closes.push(error),
    });
    return line;
  }

  /** Questions without an answer. */
  get pending(): number {
    return this.asked - this.answers.length;
  }

  ask(session: number): Promise<void> {
    this.asked++;
    return this.connection.write(request(session));
  }

  until(condition: () => boolean, timeoutMs?: number): Promise<void> {
    return poll(condition, timeoutMs);
  }
}

/** Waits for something that only the event loop can bring. */
async function poll(condition: () => boolean, timeoutMs = 15_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`nothing came within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}
