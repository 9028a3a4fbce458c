/**
 * The released firmware behind emulated radio modules: state pin, set-up, silence while nobody listens, and honest
 * sequence numbers. Time is the board's; the radio follows a script.
 */
import { describe, expect, it } from 'vitest';
import { type BridgeKind, BridgeModule, type BridgeRadio } from '../../host/bridge/index.ts';
import { Board, type BoardOptions, EnergyMeter } from '../../host/emulator/index.ts';
import {
  buildInfoSegment,
  type DownMessage,
  encodeFrame,
  encodeMessage,
  FrameReceiver,
  isSample,
  type ProbeMessage,
  parseId,
  parseKey,
  Session,
  sipHash24,
  VirtualClock,
} from '../../host/link/index.ts';
import { readImage } from '../../host/transport/firmware-image.ts';
import { seeded } from '../contract/faulty-transport.ts';

const ID = '02c0ffee44556677';
const KEY = '000102030405060708090a0b0c0d0e0f';
const NAME = 'Earl44556677';
const STEP_MS = 2;
const SETTLED_S = 6;
const P2OUT = 0x29;
const P2REN = 0x2f;
const STATE_BIT = 0x08;

class ScriptedRadio implements BridgeRadio {
  readonly address = 'e0:11:22:33:44:55';
  readonly names: (string | undefined)[] = [];
  onPacket: (packet: Uint8Array) => void = () => {};

  advertise(name: string | undefined): void {
    this.names.push(name);
  }
  notify(packet: Uint8Array): boolean {
    this.onPacket(packet);
    return true;
  }
  disconnect(): void {}
  async close(): Promise<void> {}
}

const info = { D: buildInfoSegment(parseId(ID), parseKey(KEY)) };

const frame = (sequence: number, message: DownMessage) =>
  Uint8Array.of(0, ...encodeFrame({ sequence, ...encodeMessage(message) }));

/** A board with a module on its UART. `said` is what the probe sent, as text. */
function bridged(
  kind: BridgeKind,
  { program = 'ball', name, ...options }: BoardOptions & { program?: string; name?: string } = {},
) {
  const board = new Board({ info, alive: false, ...options });
  const radio = new ScriptedRadio();
  const module = new BridgeModule({ kind, board, radio: () => radio, ...(name !== undefined && { name }) });
  const sent: number[] = [];
  board.uart.onTransmitted = (byte) => sent.push(byte);
  board.load(readImage(program));
  return { board, radio, module, said: () => String.fromCharCode(...sent.splice(0)) };
}

/** A host at the other end, whose clock goes with the board's. */
function withHost(kind: BridgeKind, options: Parameters<typeof bridged>[1] = {}) {
  const parts = bridged(kind, options);
  const { board, radio, module } = parts;
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const got: ProbeMessage[] = [];
  const hellos: boolean[] = [];
  const handlers = {
    onHello: (_: unknown, { restarted }: { restarted: boolean }) => hellos.push(restarted),
    onMessage: (message: ProbeMessage) => got.push(message),
  };
  const session = new Session({ clock, random: seeded(3), handlers });
  radio.onPacket = (packet) => session.receive(packet);
  const run = async (seconds: number) => {
    for (let passed = 0; passed < seconds * 1000; passed += STEP_MS) {
      board.runFor(STEP_MS / 1000);
      await clock.advance(STEP_MS);
    }
  };
  const connect = (discoverySeconds = 0) => {
    module.onConnected('c0:ff:ee:00:00:02');
    board.runFor(discoverySeconds);
    module.onSubscribed(20);
    session.attach((bytes) => {
      module.onWritten(bytes);
      return Promise.resolve();
    });
  };
  const disconnect = () => {
    session.detach();
    module.onDisconnected();
  };
  return {
    ...parts,
    session,
    got,
    hellos,
    run,
    connect,
    disconnect,
    samples: () => got.splice(0).filter(isSample).length,
  };
}

describe('a probe behind a module', () => {
  it.each(['ball', 'arm', 'light', 'led_test'])(
    'gives a new HM-10 its name and a steady state pin, and leaves it alone from then on: %s',
    (program) => {
      const { board, radio, module, said } = bridged('hm10', { program });
      expect(module.name).toBe('HMSoft');
      board.runFor(SETTLED_S);
      const text = said();
      expect(text.slice(text.indexOf('AT'))).toBe(`AT+NAME?AT+PIO11AT+NAME${NAME}AT+RESET`);
      expect([module.name, radio.names.at(-1)]).toEqual([NAME, NAME]);
      const levels = new Set<number>();
      for (let i = 0; i < 30; i++) {
        board.runFor(0.1);
        levels.add(board.pin('P2.3').level);
      }
      expect([...levels]).toEqual([0]);
      board.pressReset();
      board.runFor(SETTLED_S);
      expect(said()).toBe('AT+NAME?');
    },
  );

  it.each(['nus', 'rn487x'] as const)('sends nothing to a %s module but a question that nobody answers', (kind) => {
    const { board, said } = bridged(kind);
    board.runFor(SETTLED_S);
    expect(said()).toBe('AT+NAME?AT+NAME?AT+NAME?');
    board.pressButton();
    board.runFor(0.2);
    board.releaseButton();
    board.runFor(20);
    expect(said()).toBe('');
  });

  it.each(['nus', 'rn487x', 'hm10'] as const)(
    'meets a host through %s, loses it, and has lost nothing',
    async (kind) => {
      const { session, hellos, run, connect, disconnect, samples, said } = withHost(kind, { name: NAME });
      await run(SETTLED_S);
      said();
      for (let connection = 1; connection <= 3; connection++) {
        connect(0.3);
        await run(2);
        expect(session.state).toBe('online');
        expect(hellos).toHaveLength(connection);
        expect(samples()).toBeGreaterThanOrEqual(5);
        disconnect();
        await run(0.1);
        said();
        await run(5);
        expect(said()).toBe('');
      }
      expect(hellos).toEqual([false, false, false]);
      expect(session.statistics().packets.lost).toBe(0);
    },
  );

  it('waits for the host: nothing is sent while services are discovered', async () => {
    const { board, module, said } = bridged('nus');
    board.runFor(SETTLED_S);
    said();
    module.onConnected('c0:ff:ee:00:00:02');
    board.runFor(5);
    expect(said()).toBe('');
  });

  it('is not disturbed by status strings, before a session and in the middle of it', async () => {
    const { board, session, run, connect, samples } = withHost('nus');
    await run(SETTLED_S);
    connect();
    board.uart.send(new TextEncoder().encode('%CONNECT,0,801F0298DCE0%%STREAM_OPEN%'));
    await run(2);
    expect(session.state).toBe('online');
    samples();
    for (let i = 0; i < 5; i++) {
      board.uart.send(new TextEncoder().encode('%CONN_PARAM,0018,0000,01F4%OK+CONN'));
      await run(0.5);
      const outcome = session.command({ name: 'ping' });
      await run(1);
      expect((await outcome).status).toBe('ok');
    }
    expect(session.statistics().packets.lost).toBe(0);
    expect(samples()).toBeGreaterThanOrEqual(28);
  });

  it('pulls the state pin the way it is driven, so that no current flows', () => {
    const { board, module } = bridged('nus');
    const pulledUp = () => (board.mcu.peek(P2OUT) & STATE_BIT) !== 0;
    board.runFor(SETTLED_S);
    expect([board.pin('P2.3').level, pulledUp()]).toEqual([0, false]);
    module.onConnected('c0:ff:ee:00:00:02');
    module.onSubscribed(20);
    board.runFor(0.01);
    expect([board.pin('P2.3').level, pulledUp()]).toEqual([1, true]);
    expect(board.mcu.peek(P2REN) & STATE_BIT).toBe(STATE_BIT);
  });

  it('notices that a module was taken off, and that the UART is a wire then', () => {
    const { board, said } = bridged('nus');
    board.runFor(SETTLED_S);
    said();
    board.setBridge(undefined);
    board.runFor(2);
    expect(board.pin('P2.3').level).toBe(1);
    board.uart.send(frame(1, { name: 'hello_request', session: 9 }));
    board.runFor(0.5);
    expect(said().length).toBeGreaterThan(20);
  });

  it.each(['ball', 'arm', 'light'])('%s needs a microampere or two while nobody is connected', (image) => {
    const { board } = bridged('nus', { program: image });
    board.runFor(SETTLED_S);
    const meter = new EnergyMeter(board.mcu);
    board.runFor(60);
    const { averageUa, modes } = meter.report();
    expect(averageUa).toBeLessThan(2);
    expect(modes.map(({ what }) => what)).toEqual(['active', 'LPM3']);
  });
});

describe('a key', () => {
  const prove = (board: Board, nonce: Uint8Array) => {
    const acks: Uint8Array[] = [];
    const receiver = new FrameReceiver((packet) => {
      if (packet.type === 7) acks.push(packet.payload.slice(3));
    });
    board.uart.onByte = (byte) => receiver.push(Uint8Array.of(byte));
    board.uart.send(frame(1, { name: 'hello_request', session: 9 }));
    board.runFor(0.3);
    board.uart.send(frame(2, { name: 'authenticate', nonce }));
    board.runFor(0.3);
    return acks;
  };

  it.each(['ball', 'arm', 'light', 'led_test'])('is proved by %s as the host computes it', (image) => {
    const random = seeded(17);
    for (let round = 0; round < 5; round++) {
      const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(256 * random()));
      const [id, key, nonce] = [bytes(8), bytes(16), bytes(8)];
      const board = new Board({ image: readImage(image), info: { D: buildInfoSegment(id, key) }, alive: false });
      board.runFor(0.5);
      const proof = sipHash24(key, Uint8Array.of(1, ...nonce, ...id));
      expect(prove(board, nonce)).toEqual([proof]);
    }
  });
});
