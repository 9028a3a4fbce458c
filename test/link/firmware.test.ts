/**
 * The host's session and the ball's real firmware, on an emulated board and in the board's own time: both ends of
 * docs/link-protocol.md, over a good wire and over one that damages a byte in a hundred.
 */
import { expect, test } from 'vitest';
import { Board } from '../../host/emulator/index.ts';
import {
  buildInfoSegment,
  type CommandOutcome,
  capabilities,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  FrameReceiver,
  formatId,
  isSample,
  type Message,
  parseId,
  probeKinds,
  resetCauses,
  Session,
  senmlPack,
  statuses,
  VirtualClock,
} from '../../host/link/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { seeded } from '../contract/faulty-transport.ts';

const ID = '02c0ffee00000001';
const STEP_MS = 2;

/** A ball with an id, its clock in step with the host's. */
function ball() {
  const board = new Board({ image: readImage('ball'), info: { D: buildInfoSegment(parseId(ID)) }, alive: false });
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const run = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      board.runFor(STEP_MS / 1000);
      await clock.advance(STEP_MS);
    }
  };
  return { board, clock, run };
}

function greeted(noise: number, seed = 1) {
  const { board, clock, run } = ball();
  const random = seeded(seed);
  const garble = (byte: number) => (random() < noise ? byte ^ (1 << Math.floor(8 * random())) : byte);
  const got: [Message, number][] = [];
  const hellos: { boots: number; resetCause: number; restarted: boolean }[] = [];
  const session = new Session({
    clock,
    random,
    handlers: {
      onHello: ({ boots, resetCause }, { restarted }) => hellos.push({ boots, resetCause, restarted }),
      onMessage: (message, { wallMs }) => got.push([message, wallMs]),
    },
  });
  board.uart.onByte = (byte) => session.receive(Uint8Array.of(garble(byte)));
  session.attach((bytes) => new Promise((resolve) => board.uart.send(bytes.map(garble), resolve)));
  return { board, clock, run, session, got, hellos };
}

test('who it is, and four samples a second with units', async () => {
  const { run, session, got, hellos } = greeted(0);
  await run(5000);
  expect(session.state).toBe('online');
  expect(hellos).toEqual([{ boots: 1, resetCause: resetCauses.power_on, restarted: false }]);
  expect(formatId(session.probe!.id)).toBe(ID);
  expect(session.probe).toMatchObject({ kind: probeKinds.ball, intervalMs: 250 });
  expect(session.probe!.capabilities & capabilities.provisioned).not.toBe(0);
  const samples = got.flatMap(([message]) => (isSample(message) ? [message] : []));
  expect(samples.length).toBeGreaterThanOrEqual(17);
  expect(samples.length).toBeLessThanOrEqual(21);
  const units = senmlPack(samples.at(-1)!, ID, 0).map(({ n, u }) => [n, u]);
  expect(units).toEqual([
    ['presses', 'count'],
    ['button', '/'],
  ]);
  expect(session.statistics()).toMatchObject({
    frames: { crcErrors: 0, frameErrors: 0 },
    packets: { lost: 0, duplicates: 0 },
    restarts: 0,
  });
});

test('commands step by step to the end, though a byte in a hundred is wrong', async () => {
  const { run, session } = greeted(0.01, 7);
  await run(1000);
  const outcomes: CommandOutcome[] = [];
  const submit = (step: number) =>
    session.command({ name: 'step_brightness', source: 0, step }, 20_000).then((outcome) => outcomes.push(outcome));
  submit(-15);
  for (let n = 0; n < 15; n++) submit(1);
  await run(20_000);
  expect(outcomes.map(({ status }) => status)).toEqual(Array(16).fill('ok'));
  // A step that was executed twice would skip a level.
  expect(outcomes.map(({ data }) => data[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  const { commands, frames, packets } = session.statistics();
  expect(commands.repeated).toBeGreaterThan(0);
  expect(frames.crcErrors + frames.frameErrors).toBeGreaterThan(0);
  expect(packets.lost).toBeGreaterThan(0);
});

test('a reset is acknowledged, noticed and greeted again', async () => {
  const { run, session, hellos } = greeted(0);
  await run(1000);
  const outcomes: string[] = [];
  session.command({ name: 'reset' }).then(({ status }) => outcomes.push(status));
  await run(1000);
  session.command({ name: 'ping' }).then(({ status }) => outcomes.push(status));
  await run(500);
  expect(outcomes).toEqual(['ok', 'ok']);
  expect(hellos[1]).toEqual({ boots: 2, resetCause: resetCauses.software, restarted: true });
  expect(session.statistics()).toMatchObject({ restarts: 1, packets: { lost: 0 } });
});

test('a command before the first greeting is refused and not executed', async () => {
  const { board, run } = ball();
  const got: Message[] = [];
  const receiver = new FrameReceiver((packet) => {
    const message = decodeMessage(packet);
    if (typeof message !== 'string') got.push(message);
  });
  board.uart.onByte = (byte) => receiver.push(Uint8Array.of(byte));
  await run(500);
  board.uart.send(encodeFrame({ ...encodeMessage({ name: 'set_interval', intervalMs: 20 }), sequence: 77 }), () => {});
  await run(1500);
  expect(got.find(({ name }) => name === 'ack')).toMatchObject({ commandSequence: 77, status: statuses.no_session });
  expect(got.filter(isSample).length).toBeLessThan(10);
});
