/** The link under load and under noise: nothing lost, nothing twice, nothing executed that was not sent. */
import { expect, inject } from 'vitest';
import type { Bench } from '../../host/hil/bench.ts';
import { decodeMessage, encodeFrame, encodeMessage, FrameReceiver, type Message } from '../../host/link/index.ts';
import { has, hilCase } from './case.ts';

/** Numbers that look like none, the same on every run (Park and Miller, 1988). */
function* noise(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state & 0xff;
  }
}

/** Takes what the probe's line can hold, then lets it finish. */
async function quiesce(bench: Bench): Promise<void> {
  await bench.writeRaw(Uint8Array.of(0));
  await bench.wait(300);
}

export function linkCases(): void {
  const { commands } = inject('hil');

  hilCase(
    `${commands.toLocaleString('en')} commands in a row, none lost, none twice`,
    { limitS: 60 + commands / 10 },
    async ({ bench, measured }) => {
      await bench.command({ name: 'set_interval', intervalMs: 10_000 });
      const steps = has(bench, 'leds');
      // A sawtooth of levels: a command that is lost or executed twice shifts all that follow.
      if (steps) await bench.command({ name: 'step_brightness', source: 0, step: -15 });
      const before = await bench.counters();
      const sent = bench.bytesDown;
      const { commands: queue, packets } = bench.statistics();
      const startMs = bench.nowMs();
      const stepOf = (index: number) => (index % 30 < 15 ? 1 : -1);
      const outcomes = await bench.commands(commands, (index) =>
        steps && index % 10 === 0 ? { name: 'step_brightness', source: 0, step: stepOf(index / 10) } : { name: 'ping' },
      );
      measured('commands a second', (1000 * commands) / (bench.nowMs() - startMs), '1/s');
      const failed = outcomes.filter(({ status }) => status !== 'ok');
      expect(failed, 'commands that did not end well').toEqual([]);
      if (steps) {
        const levels = outcomes.filter((_, index) => index % 10 === 0).map(({ data }) => data[0]);
        const expected = levels.map((_, index) => (index % 30 < 15 ? (index % 30) + 1 : 29 - (index % 30)));
        expect(levels).toEqual(expected);
      }
      const counted = bench.bytesDown - sent;
      const after = await bench.counters();
      const now = bench.statistics();
      expect(now.commands.submitted - queue.submitted).toBe(commands + 1);
      expect(now.packets.lost - packets.lost, 'packets lost on the way up').toBe(0);
      expect(now.packets.duplicates - packets.duplicates, 'packets that came twice').toBe(0);
      expect(after.crcErrors + after.frameErrors + after.overruns, 'errors at the probe').toBe(
        before.crcErrors + before.frameErrors + before.overruns,
      );
      // The counters' own question is 7 bytes on the wire, counted by the probe before it answers.
      expect(after.rxBytes - before.rxBytes, 'bytes that the probe received').toBe(counted + 7);
    },
  );

  hilCase('a repeated command is executed once', { capabilities: ['leds'] }, async ({ bench }) => {
    await bench.command({ name: 'step_brightness', source: 0, step: -15 });
    const packet = encodeMessage({ name: 'step_brightness', source: 0, step: 1 });
    const frame = encodeFrame({ ...packet, sequence: 0x7a7a });
    for (let time = 0; time < 3; time++) {
      await bench.writeRaw(frame);
      await bench.wait(200);
    }
    const { data } = await bench.command({ name: 'step_brightness', source: 0, step: 0 });
    expect(data[0]).toBe(1);
  });

  hilCase('unknown commands and bad arguments are refused', {}, async ({ bench }) => {
    const { status } = await bench.command({ name: 'set_interval', intervalMs: 19 });
    expect(status).toBe('bad_argument');
    const acks = await rawCommand(bench, { type: 60, sequence: 0x1234, payload: Uint8Array.of(1, 2, 3) });
    expect(acks).toEqual([1]); // unknown_command
    const short = await rawCommand(bench, { type: 35, sequence: 0x1235, payload: Uint8Array.of(1) });
    expect(short).toEqual([2]); // bad_argument
    expect((await bench.command({ name: 'ping' })).status).toBe('ok');
  });

  hilCase('noise on the line is counted and does no harm', { limitS: 240 }, async ({ bench, measured }) => {
    const before = await bench.counters();
    const random = noise(20_140_512);
    for (let burst = 0; burst < 20; burst++) {
      await bench.writeRaw(Uint8Array.from({ length: 5 + 7 * burst }, () => random.next().value));
      await bench.wait(50);
      await quiesce(bench);
      const { status } = await bench.command({ name: 'ping' });
      expect(status, `after burst ${burst}`).toBe('ok');
    }
    const after = await bench.counters();
    const errors = after.crcErrors + after.frameErrors - before.crcErrors - before.frameErrors;
    measured('frames thrown away', errors, '1');
    expect(errors).toBeGreaterThan(10);
    expect(after.boots, 'restarts').toBe(before.boots);
  });

  hilCase('a damaged frame is never executed', { limitS: 240 }, async ({ bench }) => {
    const frame = encodeFrame({ ...encodeMessage({ name: 'set_interval', intervalMs: 20 }), sequence: 0x4242 });
    const before = await bench.counters();
    for (let at = 0; at < frame.length - 1; at++) {
      const damaged = frame.slice();
      damaged[at] = damaged[at]! ^ 0x10;
      await bench.writeRaw(damaged);
      await quiesce(bench);
    }
    const after = await bench.counters();
    const errors = after.crcErrors + after.frameErrors - before.crcErrors - before.frameErrors;
    expect(errors, 'thrown away').toBeGreaterThanOrEqual(frame.length - 1);
    await bench.reconnect();
    expect(bench.hello.intervalMs, 'interval of the hello').toBe(250);
  });

  hilCase('a frame cut at any byte is never executed', { limitS: 240 }, async ({ bench }) => {
    const frame = encodeFrame({ ...encodeMessage({ name: 'set_interval', intervalMs: 20 }), sequence: 0x4343 });
    for (let length = 1; length < frame.length - 1; length++) {
      await bench.writeRaw(frame.subarray(0, length));
      await quiesce(bench);
      expect((await bench.command({ name: 'ping' })).status, `after ${length} bytes`).toBe('ok');
    }
    await bench.reconnect();
    expect(bench.hello.intervalMs, 'interval of the hello').toBe(250);
  });
}

/** Statuses of the acks that a hand-made packet gets: read from the wire, the session does not know of it. */
async function rawCommand(
  bench: Bench,
  packet: { type: number; sequence: number; payload: Uint8Array },
): Promise<number[]> {
  const got: Message[] = [];
  const receiver = new FrameReceiver((received) => {
    const message = decodeMessage(received);
    if (typeof message !== 'string') got.push(message);
  });
  const stop = bench.listen((bytes) => receiver.push(bytes));
  await bench.writeRaw(encodeFrame(packet));
  await bench.wait(500);
  stop();
  return got.flatMap((message) =>
    message.name === 'ack' && message.commandSequence === packet.sequence ? [message.status] : [],
  );
}
