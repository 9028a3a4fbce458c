/**
 * The authentication step of a session, against a model probe whose wire a test can listen to, change and replay. Over
 * 500 lines in one file because every attack is made on this one wire.
 */
import { beforeEach, expect, test } from 'vitest';
import { ModelProbe } from '../../test/link/model-probe.ts';
import type { Demand, RefusalCode } from './admission.ts';
import { proofOf } from './challenge.ts';
import { VirtualClock } from './clock.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { encodeFrame, FrameReceiver } from './framer.ts';
import { capabilities, type MessageOf, messages, statuses } from './messages.ts';
import { Session, type SessionState } from './session.ts';

const DELAY_MS = 20;
const KEY = Uint8Array.from({ length: 16 }, (_, at) => 0xa0 + at);
const OTHER_KEY = KEY.map((byte) => byte ^ 1);
const ASK_AGAIN_MS = 15_000;

let nonceCount: number;
beforeEach(() => {
  nonceCount = 0;
});
/** No two alike, like those of a real source. */
const counted = () => Uint8Array.of(1, 2, 3, 4, 5, 6, 7, ++nonceCount);

function bench(demand: Demand = { kind: 'proof', key: KEY }, nonce: () => Uint8Array = counted) {
  const clock = new VirtualClock(0);
  const probe = new ModelProbe();
  probe.key = KEY;
  const states: SessionState[] = [];
  const hellos: { boots: number; restarted: boolean }[] = [];
  const refusals: RefusalCode[] = [];
  const got: string[] = [];
  const wire = { up: (b: Uint8Array): Uint8Array | undefined => b, down: (b: Uint8Array): Uint8Array | undefined => b };
  const known = { demand };
  const session = new Session({
    clock,
    random: () => 0.5,
    authentication: { demand: () => known.demand, nonce },
    handlers: {
      onState: (state) => states.push(state),
      onHello: ({ boots }, { restarted }) => hellos.push({ boots, restarted }),
      onRefused: (_, { code }) => refusals.push(code),
      onMessage: ({ name }) => got.push(name),
    },
  });
  probe.send = (bytes) => {
    const passed = wire.up(bytes);
    if (passed) clock.after(DELAY_MS, () => session.receive(passed));
  };
  const attach = () =>
    session.attach(async (bytes) => {
      const passed = wire.down(bytes);
      if (passed) clock.after(DELAY_MS, () => probe.receive(passed));
    });
  return { clock, probe, session, states, hellos, refusals, got, wire, known, attach };
}

async function attached(...args: Parameters<typeof bench>) {
  const b = bench(...args);
  b.attach();
  await b.clock.advance(200);
  return b;
}

/** What a frame says, as a message with its sequence number. */
function read(bytes: Uint8Array) {
  const frames: { sequence: number; message: ReturnType<typeof decodeMessage> }[] = [];
  new FrameReceiver((packet) => frames.push({ sequence: packet.sequence, message: decodeMessage(packet) })).push(bytes);
  return frames;
}

const isAck = (bytes: Uint8Array) =>
  read(bytes).some(({ message }) => typeof message !== 'string' && message.name === 'ack');

test('the right key: online, and who it is, only after the proof', async () => {
  const b = bench();
  b.attach();
  await b.clock.advance(3 * DELAY_MS);
  expect(b.session.probe).toBeDefined();
  expect([b.states, b.hellos]).toEqual([['greeting'], []]);
  await b.clock.advance(DELAY_MS);
  expect(b.states).toEqual(['greeting', 'online']);
  expect(b.hellos).toEqual([{ boots: 1, restarted: false }]);
  expect(b.probe.nonces).toHaveLength(1);
  expect(b.session.refusal).toBeUndefined();
});

test('samples before the proof are dropped, not kept; those after it are handed on, commands too', async () => {
  const b = bench();
  const outcome = b.session.command({ name: 'ping' });
  b.attach();
  await b.clock.advance(3 * DELAY_MS - 1); // hello is there, the proof is not
  b.probe.sample(1000);
  await b.clock.advance(200);
  expect(b.got).toEqual([]);
  expect(b.session.statistics()).toMatchObject({ unauthenticated: 1, unidentified: 0, packets: { lost: 0 } });
  b.probe.sample(1250);
  await b.clock.advance(200);
  expect(b.got).toEqual(['ball_sample']);
  expect(await outcome).toMatchObject({ status: 'ok' });
  expect(b.probe.executed).toEqual(['ping']);
});

test('messages in the same chunk as the proof are handed on', async () => {
  const b = bench();
  b.wire.up = (bytes) => {
    if (!isAck(bytes)) return bytes;
    const sample = encodeMessage({ name: 'ball_sample', timeMs: 500, presses: 0, pressed: 0 });
    return Uint8Array.of(...bytes, ...encodeFrame({ ...sample, sequence: b.probe.nextSequence() }));
  };
  b.attach();
  await b.clock.advance(200);
  expect(b.got).toEqual(['ball_sample']);
});

test.each<[string, RefusalCode, (probe: ModelProbe) => void]>([
  [
    'another key',
    'wrong_answer',
    (probe) => {
      probe.key = OTHER_KEY;
    },
  ],
  [
    'no key',
    'no_key',
    (probe) => {
      probe.key = undefined;
    },
  ],
  [
    'firmware from before keys',
    'too_old',
    (probe) => {
      probe.knowsAuthenticate = false;
    },
  ],
])('%s: refused, nothing is handed on, no command is sent', async (_, code, change) => {
  const b = bench();
  change(b.probe);
  const outcome = b.session.command({ name: 'ping' }, 1000);
  b.attach();
  await b.clock.advance(200);
  for (let n = 0; n < 5; n++) b.probe.sample(250 * n);
  await b.clock.advance(2000);
  expect(b.states).toEqual(['greeting', 'quarantined']);
  expect(b.refusals).toEqual([code]);
  expect(b.session.refusal?.code).toBe(code);
  expect([b.got, b.hellos, b.probe.executed]).toEqual([[], [], []]);
  expect(await outcome).toMatchObject({ status: 'unreachable' });
  expect(b.session.statistics().unauthenticated).toBe(5);
});

test('a refused probe is asked again with another nonce, and the refusal is told once', async () => {
  const b = bench();
  b.probe.key = OTHER_KEY;
  b.attach();
  await b.clock.advance(200 + 2 * ASK_AGAIN_MS);
  expect(b.refusals).toEqual(['wrong_answer']);
  expect(b.states).toEqual(['greeting', 'quarantined']);
  expect(b.probe.nonces.length).toBeGreaterThanOrEqual(3);
  expect(new Set(b.probe.nonces.map((nonce) => nonce.join())).size).toBe(b.probe.nonces.length);
  b.probe.key = KEY; // noise had spoiled the answers
  await b.clock.advance(ASK_AGAIN_MS);
  expect(b.states.at(-1)).toBe('online');
  expect(b.hellos).toEqual([{ boots: 1, restarted: false }]);
});

test('lost questions and lost answers are repeated under the same number and nonce', async () => {
  const b = bench();
  let acks = 0;
  b.wire.up = (bytes) => (isAck(bytes) && acks++ < 2 ? undefined : bytes);
  b.attach();
  await b.clock.advance(3000);
  expect(b.states).toEqual(['greeting', 'online']);
  expect(nonceCount).toBe(1);
  expect(b.probe.nonces).toHaveLength(1); // repetitions were answered from memory
});

test('without an answer it is refused after five seconds, and an answer that comes later counts for nothing', async () => {
  const b = bench();
  const late: Uint8Array[] = [];
  b.wire.up = (bytes) => {
    if (!isAck(bytes)) return bytes;
    late.push(bytes);
    return undefined;
  };
  b.attach();
  await b.clock.advance(5200);
  expect(b.refusals).toEqual(['no_answer']);
  for (const bytes of late) b.session.receive(bytes);
  await b.clock.advance(100);
  expect([b.states, b.hellos]).toEqual([['greeting', 'quarantined'], []]);
});

test('each new connection must prove itself anew, with another nonce', async () => {
  const b = await attached();
  b.session.detach();
  b.attach();
  b.probe.sample(5000);
  await b.clock.advance(200);
  expect(b.probe.nonces).toHaveLength(2);
  expect(b.probe.nonces[0]).not.toEqual(b.probe.nonces[1]);
  expect(b.states).toEqual(['greeting', 'online', 'detached', 'greeting', 'online']);
  expect(b.got).toEqual([]);
});

test('a probe that restarts must prove itself anew; what comes between is dropped', async () => {
  const b = await attached();
  b.probe.restart();
  b.probe.sample(10);
  await b.clock.advance(300);
  expect(b.got).toEqual([]);
  expect(b.probe.nonces).toHaveLength(2);
  expect(b.hellos).toEqual([
    { boots: 1, restarted: false },
    { boots: 2, restarted: true },
  ]);
  expect(b.states).toEqual(['greeting', 'online', 'greeting', 'online']);
  b.probe.sample(260);
  await b.clock.advance(100);
  expect(b.got).toEqual(['ball_sample']);
});

test('a probe that restarts between question and answer is greeted and asked again', async () => {
  const b = bench();
  let questions = 0;
  b.wire.down = (bytes) => {
    const asks = read(bytes).some(({ message }) => typeof message !== 'string' && message.name === 'authenticate');
    if (asks && questions++ === 0) b.probe.restart(); // its hello is lost, so it answers no_session
    return bytes;
  };
  let lost = 0;
  b.wire.up = (bytes) => (b.probe.boots === 2 && lost++ === 0 ? undefined : bytes);
  b.attach();
  await b.clock.advance(1000);
  expect(b.states.at(-1)).toBe('online');
  expect(nonceCount).toBe(2);
  expect(b.hellos.at(-1)).toEqual({ boots: 2, restarted: true });
});

test('another probe on the same wire, without a key, is not let in on the proof of the first', async () => {
  const b = await attached();
  b.probe.id = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9);
  b.probe.key = OTHER_KEY;
  b.probe.start();
  b.probe.sample(10);
  await b.clock.advance(500);
  expect(b.states.at(-1)).toBe('quarantined');
  expect(b.got).toEqual([]);
  expect(b.hellos).toHaveLength(1);
});

test('a hello that takes another id after the proof loses it', async () => {
  const b = await attached();
  const fields = { ...b.session.probe!, id: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) };
  b.wire.down = () => undefined;
  b.session.receive(encodeFrame({ ...encodeMessage(fields), sequence: b.probe.nextSequence() }));
  b.probe.sample(10);
  await b.clock.advance(DELAY_MS);
  expect([b.got, b.session.state]).toEqual([[], 'greeting']);
});

test('a recorded conversation, replayed on a new connection, proves nothing', async () => {
  const b = bench();
  const recorded: Uint8Array[] = [];
  b.wire.up = (bytes) => {
    recorded.push(bytes);
    return bytes;
  };
  b.attach();
  await b.clock.advance(200);
  expect(b.session.state).toBe('online');
  const [hello, ack] = recorded.map((bytes) => read(bytes)[0]!.message) as [MessageOf<'hello'>, MessageOf<'ack'>];

  const victim = bench();
  nonceCount = 100;
  // The attacker rewrites what is not protected, session and sequence numbers, and replays the proof.
  let sequence = 0;
  victim.wire.down = (bytes) => {
    for (const { message, sequence: commandSequence } of read(bytes)) {
      if (typeof message === 'string') continue;
      const answer =
        message.name === 'hello_request' ? { ...hello, session: message.session } : { ...ack, commandSequence };
      victim.probe.send(encodeFrame({ ...encodeMessage(answer), sequence: sequence++ }));
    }
    return undefined;
  };
  victim.attach();
  victim.probe.sample(1);
  await victim.clock.advance(1000);
  expect(victim.refusals).toEqual(['wrong_answer']);
  expect([victim.got, victim.hellos]).toEqual([[], []]);
});

test('one wrong bit, anywhere in the proof, refuses it', async () => {
  for (let bit = 0; bit < 64; bit++) {
    const b = bench();
    b.wire.up = (bytes) => {
      const { sequence, message } = read(bytes)[0]!;
      if (typeof message === 'string' || message.name !== 'ack') return bytes;
      message.data[bit >> 3]! ^= 1 << (bit & 7);
      return encodeFrame({ ...encodeMessage(message), sequence });
    };
    b.attach();
    await b.clock.advance(200);
    expect([b.refusals, b.hellos], `bit ${bit}`).toEqual([['wrong_answer'], []]);
  }
});

test.each([0, 4, 7, 9, 16])('a proof of %i bytes is none', async (length) => {
  const b = bench();
  b.wire.up = (bytes) => {
    const { sequence, message } = read(bytes)[0]!;
    if (typeof message === 'string' || message.name !== 'ack') return bytes;
    const data = new Uint8Array(length);
    data.set(message.data.subarray(0, length));
    return encodeFrame({ ...encodeMessage({ ...message, data }), sequence });
  };
  b.attach();
  await b.clock.advance(200);
  expect(b.refusals).toEqual(['wrong_answer']);
});

test('acks with other numbers do not end a question', async () => {
  const b = bench();
  b.wire.up = (bytes) => {
    if (!isAck(bytes)) return bytes;
    const noise = encodeMessage({
      name: 'ack',
      commandSequence: 7,
      status: statuses.unsupported,
      data: new Uint8Array(0),
    });
    return Uint8Array.of(...encodeFrame({ ...noise, sequence: b.probe.nextSequence() }), ...bytes);
  };
  b.attach();
  await b.clock.advance(200);
  expect(b.states).toEqual(['greeting', 'online']);
});

test('the host decides: unknown probes are not asked at all, and let in at once when they are accepted', async () => {
  const b = await attached({ kind: 'refuse', refusal: { code: 'unknown', message: 'not accepted' } });
  b.probe.sample(1);
  await b.clock.advance(20_000);
  expect([b.states, b.refusals, b.probe.nonces]).toEqual([['greeting', 'quarantined'], ['unknown'], []]);
  b.known.demand = { kind: 'proof', key: KEY };
  b.session.reconsider();
  b.session.reconsider();
  await b.clock.advance(2 * DELAY_MS);
  expect(b.states).toEqual(['greeting', 'quarantined', 'online']);
  expect(b.hellos).toEqual([{ boots: 1, restarted: false }]);
  expect(b.probe.nonces).toHaveLength(1);
  b.probe.sample(21_000);
  await b.clock.advance(100);
  expect(b.got).toEqual(['ball_sample']);
});

test('a probe whose acceptance is taken back is out at once; a command on its way is unknown', async () => {
  const b = await attached();
  b.wire.up = (bytes) => (isAck(bytes) ? undefined : bytes);
  const outcome = b.session.command({ name: 'ping' });
  await b.clock.advance(10);
  b.known.demand = { kind: 'refuse', refusal: { code: 'refused', message: 'by the user' } };
  b.session.reconsider();
  b.probe.sample(1000);
  await b.clock.advance(100);
  expect(await outcome).toMatchObject({ status: 'unknown' });
  expect([b.states.at(-1), b.got]).toEqual(['quarantined', []]);
});

test('another key in the store: the probe must prove that one', async () => {
  const b = await attached();
  b.known.demand = { kind: 'proof', key: OTHER_KEY };
  b.session.reconsider();
  await b.clock.advance(200);
  expect(b.refusals).toEqual(['wrong_answer']);
});

test('nothing is demanded: let in as before, nothing is asked', async () => {
  const b = await attached({ kind: 'none' });
  expect(b.states).toEqual(['greeting', 'online']);
  expect(b.probe.nonces).toEqual([]);
});

test('a source of nonces that is stuck or short, and a demand that throws, refuse', async () => {
  const stuck = await attached(undefined, () => new Uint8Array(8));
  expect(stuck.session.state).toBe('online'); // the first may be anything
  stuck.session.detach();
  stuck.attach();
  await stuck.clock.advance(200);
  expect(stuck.refusals).toEqual(['undecided']);
  const short = await attached(undefined, () => new Uint8Array(4));
  expect(short.refusals).toEqual(['undecided']);
  const broken = new Session({
    clock: new VirtualClock(),
    random: () => 0.5,
    handlers: {},
    authentication: {
      demand: () => {
        throw new Error('the file is damaged');
      },
      nonce: counted,
    },
  });
  broken.attach(async () => {});
  const hello = { ...stuck.probe, session: 1 + Math.floor(0.5 * 0xffff) };
  const message: MessageOf<'hello'> = {
    name: 'hello',
    kind: 1,
    versionMajor: 1,
    versionMinor: 0,
    versionPatch: 0,
    id: hello.id,
    capabilities: 0,
    boots: 1,
    intervalMs: 250,
    session: hello.session,
    resetCause: 0,
  };
  broken.receive(encodeFrame({ ...encodeMessage(message), sequence: 0 }));
  expect(broken.refusal).toEqual({ code: 'undecided', message: 'the file is damaged' });
});

test('what is hashed: a byte 1, the nonce and the id, so that the firmware agrees', () => {
  const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const id = Uint8Array.of(0xea, 0xe1, 0, 0, 0, 0, 0, 1);
  // openssl mac -macopt hexkey:000102…0f -macopt size:8 SIPHASH of 01 0102030405060708 eae1000000000001
  const key = Uint8Array.from({ length: 16 }, (_, at) => at);
  expect(Buffer.from(proofOf(key, nonce, id)).toString('hex')).toBe('4f2a48b6a44f5412');
  expect(capabilities.authenticates).toBe(0x0100);
  expect(messages.authenticate.type).toBe(45);
});

/** A small generator with a seed (mulberry32), so that a failure can be run again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.each([1, 2, 3, 4, 5, 6])(
  'whatever an attacker without the key sends, and whenever, nothing comes through (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
    const b = bench();
    b.probe.key = OTHER_KEY;
    const recorded: Uint8Array[] = [];
    let sequence = 0;
    const heardNumbers: number[] = [];
    b.wire.down = (bytes) => {
      for (const { sequence: number } of read(bytes)) heardNumbers.push(number);
      return random() < 0.8 ? bytes : undefined;
    };
    b.wire.up = (bytes) => {
      recorded.push(bytes);
      return random() < 0.8 ? bytes : undefined;
    };
    b.attach();
    for (let step = 0; step < 400; step++) {
      const data = Uint8Array.from({ length: pick([0, 7, 8, 8, 8, 9]) }, () => Math.floor(random() * 256));
      const commandSequence = heardNumbers.at(-1) ?? 0;
      const forged = encodeMessage({ name: 'ack', commandSequence, status: pick([0, 0, 0, 1, 3, 8]), data });
      const move = pick([
        () => b.session.receive(encodeFrame({ ...forged, sequence: sequence++ })),
        () => b.session.receive(recorded.length > 0 ? pick(recorded) : new Uint8Array(1)),
        () => b.probe.sample(step * 250),
        () => b.probe.restart({ power: random() < 0.5 }),
        () => b.probe.start(),
        () => {
          b.session.detach();
          b.attach();
        },
        () => b.session.reconsider(),
      ]);
      move();
      await b.clock.advance(random() * 1500);
    }
    expect([b.got, b.hellos]).toEqual([[], []]);
    expect(b.states).not.toContain('online');
    expect(nonceCount).toBeGreaterThan(20);
    // The same wire with the right key at its end is no worse for it.
    b.wire.up = (bytes) => bytes;
    b.wire.down = (bytes) => bytes;
    b.probe.key = KEY;
    b.probe.restart();
    await b.clock.advance(40_000);
    expect(b.states.at(-1)).toBe('online');
  },
);

test('another probe that is refused for the same reason is told too', async () => {
  const b = await attached({ kind: 'refuse', refusal: { code: 'unknown', message: '' } });
  b.probe.id = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9);
  b.probe.start();
  await b.clock.advance(500);
  b.probe.start();
  await b.clock.advance(500);
  expect(b.refusals).toEqual(['unknown', 'unknown']);
});
