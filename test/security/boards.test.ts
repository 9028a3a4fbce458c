/**
 * Who a probe is, between the host's session and the released firmware on an emulated board, and what an attacker on the
 * wire or with a radio of his own makes of it (docs/security.md).
 */
import { expect, test } from 'vitest';
import { Board } from '../../host/emulator/index.ts';
import {
  capabilities,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  type MessageOf,
  messages,
  proofOf,
  statuses,
} from '../../host/link/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { ModelProbe } from '../link/model-probe.ts';
import { boardWith, boardWithoutKey, hostOf, ID, KEY, OTHER_KEY, packetsIn } from './board.ts';

const ackType = messages.ack.type;
const isAck = (frame: Uint8Array) => packetsIn(frame).some(({ type }) => type === ackType);

/** The frame with one bit of its ack's data changed, and a CRC that fits: what an attacker sends, not what noise does. */
function flipped(frame: Uint8Array, bit: number): Uint8Array {
  const [packet] = packetsIn(frame);
  const ack = decodeMessage(packet!) as MessageOf<'ack'>;
  ack.data[bit >> 3]! ^= 1 << (bit & 7);
  return encodeFrame({ ...encodeMessage(ack), sequence: packet!.sequence });
}

test.each(['ball', 'arm', 'light', 'led_test'])('%s with the right key: let in, and its data relayed', async (kind) => {
  const host = hostOf(boardWith(kind));
  await host.run(2500);
  expect(host.states).toEqual(['greeting', 'online']);
  expect(host.session.probe!.capabilities & capabilities.authenticates).not.toBe(0);
  expect(host.nonces).toHaveLength(1);
  if (kind !== 'led_test') expect(host.got.length).toBeGreaterThan(3);
});

test('the wrong key, by a single bit: refused, nothing handed on', async () => {
  const host = hostOf(boardWith('ball', ID, OTHER_KEY));
  await host.run(2500);
  expect([host.states, host.refusals]).toEqual([['greeting', 'quarantined'], ['wrong_answer']]);
  expect([host.got, host.hellos]).toEqual([[], []]);
  expect(host.session.statistics().unauthenticated).toBeGreaterThan(3);
});

test('a board that was given no key, and a host that knows one: it claims none, and cannot answer', async () => {
  const host = hostOf(boardWithoutKey('ball'));
  await host.run(1500);
  expect(host.session.probe!.capabilities & capabilities.authenticates).toBe(0);
  expect(host.refusals).toEqual(['no_key']);
  expect(host.got).toEqual([]);
});

test('a damaged record is no record: neither id nor key', async () => {
  const board = boardWith('ball');
  board.mcu.poke(0x1000 + 12, Uint8Array.of(0)); // one byte of the key
  board.mcu.reset('power_on');
  const host = hostOf(board);
  await host.run(1500);
  expect(host.session.probe!.id).toEqual(new Uint8Array(8));
  expect(host.session.probe!.capabilities & (capabilities.authenticates | capabilities.provisioned)).toBe(0);
  expect(host.got).toEqual([]);
});

test('recorded hello and proof, replayed over a new connection with numbers that fit: refused', async () => {
  const recorded: Uint8Array[] = [];
  const honest = hostOf(boardWith('ball'), undefined, (frame) => {
    recorded.push(frame);
    return frame;
  });
  await honest.run(1500);
  expect(honest.states.at(-1)).toBe('online');
  const packets = recorded.flatMap(packetsIn);
  const hello = packets.map((packet) => decodeMessage(packet)).find((m) => typeof m !== 'string' && m.name === 'hello');
  const ack = packets.map((packet) => decodeMessage(packet)).find((m) => typeof m !== 'string' && m.name === 'ack');
  const proof = (ack as MessageOf<'ack'>).data;
  expect(proof).toEqual(proofOf(KEY, honest.nonces[0]!, ID)); // the firmware's SipHash is ours

  // The attacker's box: answers every greeting with the recorded hello, every question with the recorded proof.
  const attacker = new ModelProbe();
  attacker.id = (hello as MessageOf<'hello'>).id.slice();
  attacker.key = OTHER_KEY;
  const victim = hostOf(new Board({ image: readImage('ball'), alive: false }), undefined, () => undefined);
  attacker.send = (bytes) => {
    const [packet] = packetsIn(bytes);
    const message = decodeMessage(packet!);
    const isProof = typeof message !== 'string' && message.name === 'ack' && message.data.length === 8;
    const sent = isProof ? { ...encodeMessage({ ...message, data: proof }), sequence: packet!.sequence } : undefined;
    victim.session.receive(sent ? encodeFrame(sent) : bytes);
  };
  victim.session.attach(async (bytes) => attacker.receive(bytes));
  attacker.sample(10);
  await victim.run(500);
  expect(attacker.nonces).toHaveLength(1);
  expect([victim.refusals, victim.got, victim.hellos]).toEqual([['wrong_answer'], [], []]);
});

test('a forged hello, without any key to go with it, is as good as none', async () => {
  const host = hostOf(new Board({ image: readImage('ball'), alive: false }), undefined, () => undefined);
  const forger = new ModelProbe();
  forger.id = ID.slice();
  forger.key = OTHER_KEY;
  forger.send = (bytes) => host.session.receive(bytes);
  host.session.attach(async (bytes) => forger.receive(bytes));
  for (let n = 0; n < 50; n++) {
    forger.start(); // hello after hello, to be asked again and guess again
    forger.sample(100 * n);
    await host.run(60);
  }
  expect(host.session.statistics().unauthenticated + host.session.statistics().unidentified).toBeGreaterThan(40);
  expect([host.got, host.hellos]).toEqual([[], []]);
  expect(host.states).not.toContain('online');
});

test.each([0, 7, 31, 32, 63])('a man in the middle who changes bit %i of the proof is refused', async (bit) => {
  const host = hostOf(boardWith('light'), undefined, (frame) => (isAck(frame) ? flipped(frame, bit) : frame));
  await host.run(900);
  expect([host.refusals, host.got]).toEqual([['wrong_answer'], []]);
});

test('one who changes the id in hello is asked for the key of that id, and the proof does not fit', async () => {
  const host = hostOf(boardWith('light'), undefined, (frame) => {
    const [packet] = packetsIn(frame);
    const message = packet && decodeMessage(packet);
    if (message === undefined || typeof message === 'string' || message.name !== 'hello') return frame;
    message.id[7]! ^= 1;
    return encodeFrame({ ...encodeMessage(message), sequence: packet!.sequence });
  });
  await host.run(900);
  expect([host.refusals, host.got]).toEqual([['wrong_answer'], []]);
});

test('a board that is reset in the middle of the question is greeted and asked again', async () => {
  const board = boardWith('light');
  let resets = 0;
  const host = hostOf(board, undefined, (frame) => {
    if (!isAck(frame) || resets++ > 0) return frame;
    board.mcu.reset('power_on');
    return undefined;
  });
  await host.run(4000);
  expect(host.states.at(-1)).toBe('online');
  expect(host.nonces.length).toBeGreaterThan(1);
  expect(host.hellos).toHaveLength(1);
});

test('an unknown probe is let in live when its key becomes known; before that nothing was handed on', async () => {
  const host = hostOf(boardWith('light'), { kind: 'refuse', refusal: { code: 'unknown', message: '' } });
  await host.run(3000);
  expect([host.states, host.got, host.nonces]).toEqual([['greeting', 'quarantined'], [], []]);
  host.known.demand = { kind: 'proof', key: KEY };
  host.session.reconsider();
  await host.run(2000);
  expect(host.states).toEqual(['greeting', 'quarantined', 'online']);
  expect(host.got.length).toBeGreaterThan(0);
  expect(host.session.statistics().packets.lost).toBe(0);
});

test('the probe answers only within a session, and keeps its key to itself', async () => {
  const board = boardWith('ball');
  const heard: number[] = [];
  board.uart.onByte = (byte) => heard.push(byte);
  board.runFor(1);
  const ask = (sequence: number) =>
    board.uart.send(encodeFrame({ ...encodeMessage({ name: 'authenticate', nonce: new Uint8Array(8) }), sequence }));
  ask(1);
  board.runFor(0.2);
  const acks = packetsIn(Uint8Array.from(heard)).filter(({ type }) => type === ackType);
  expect(acks.map((packet) => (decodeMessage(packet) as MessageOf<'ack'>).status)).toEqual([statuses.no_session]);
  // Nothing that is sent in two seconds holds any four bytes of the key.
  board.runFor(2);
  const text = Buffer.from(Uint8Array.from(heard)).toString('hex');
  for (let at = 0; at <= 12; at++) expect(text).not.toContain(Buffer.from(KEY.subarray(at, at + 4)).toString('hex'));
});
