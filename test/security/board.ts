/** Released firmware on an emulated board, and a host's session with it, in the board's own time; the wire can be tampered with. */
import { Board } from '../../host/emulator/index.ts';
import {
  type Authentication,
  buildInfoSegment,
  type Demand,
  FrameReceiver,
  type Packet,
  type ProbeMessage,
  parseId,
  type RefusalCode,
  Session,
  type SessionState,
  VirtualClock,
} from '../../host/link/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';

export const ID = parseId('02c0ffee00000001');
export const KEY = Uint8Array.from({ length: 16 }, (_, at) => 0xc0 + at);
export const OTHER_KEY = KEY.map((byte, at) => (at === 15 ? byte ^ 1 : byte));

const STEP_MS = 1;

/** A board with what `earl flash` writes; without a key in layout 1. */
export function boardWith(kind: string, id = ID, key: Uint8Array | undefined = KEY): Board {
  return new Board({ image: readImage(kind), info: { D: buildInfoSegment(id, key) }, alive: false });
}

export function boardWithoutKey(kind: string): Board {
  return new Board({ image: readImage(kind), info: { D: buildInfoSegment(ID) }, alive: false });
}

export interface Bench {
  readonly session: Session;
  readonly clock: VirtualClock;
  readonly states: SessionState[];
  readonly hellos: number[];
  readonly refusals: RefusalCode[];
  readonly got: ProbeMessage[];
  readonly nonces: Uint8Array[];
  /** What the board sent, frame by frame, before anybody tampered with it. */
  readonly heard: Uint8Array[];
  readonly known: { demand: Demand };
  run(ms: number): Promise<void>;
}

/** @param up what becomes of each frame from the board on its way; `undefined` loses it */
export function hostOf(
  board: Board,
  demand: Demand = { kind: 'proof', key: KEY },
  up: (frame: Uint8Array) => Uint8Array | undefined = (frame) => frame,
): Bench {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const known = { demand };
  const seen = { states: [] as SessionState[], hellos: [] as number[], refusals: [] as RefusalCode[] };
  const got: ProbeMessage[] = [];
  const nonces: Uint8Array[] = [];
  const heard: Uint8Array[] = [];
  const authentication: Authentication = {
    demand: () => known.demand,
    nonce: () => {
      nonces.push(crypto.getRandomValues(new Uint8Array(8)));
      return nonces.at(-1)!;
    },
  };
  const session = new Session({
    clock,
    random: Math.random,
    authentication,
    handlers: {
      onState: (state) => seen.states.push(state),
      onHello: () => seen.hellos.push(clock.nowMs()),
      onRefused: (_, { code }) => seen.refusals.push(code),
      onMessage: (message) => got.push(message),
    },
  });
  let frame: number[] = [];
  board.uart.onByte = (byte) => {
    frame.push(byte);
    if (byte !== 0) return;
    const whole = Uint8Array.from(frame);
    frame = [];
    heard.push(whole);
    const passed = up(whole);
    if (passed) session.receive(passed);
  };
  session.attach((bytes) => new Promise((resolve) => board.uart.send(bytes, resolve)));
  const run = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      board.runFor(STEP_MS / 1000);
      await clock.advance(STEP_MS);
    }
  };
  return { session, clock, got, nonces, heard, known, run, ...seen };
}

/** The packets in what was heard. */
export function packetsIn(bytes: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  new FrameReceiver((packet) => packets.push(packet)).push(bytes);
  return packets;
}
