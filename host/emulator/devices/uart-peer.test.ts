import { describe, expect, it } from 'vitest';
import { Pin } from '../peripherals/pin.ts';
import { Scheduler } from '../scheduler.ts';
import { UartPeer, type UartPeerOptions } from './uart-peer.ts';

/** Two peers wired to each other. */
function wired(a: UartPeerOptions = {}, b: UartPeerOptions = a) {
  const scheduler = new Scheduler(1_000_000);
  const [up, down] = [new Pin('up'), new Pin('down')];
  const left = new UartPeer(scheduler, up, new Pin('unused'), a);
  const right = new UartPeer(scheduler, down, up, b);
  const received: { byte: number; t: number }[] = [];
  right.onByte = (byte) => received.push({ byte, t: scheduler.seconds() });
  return { scheduler, left, right, received, run: (s: number) => scheduler.advanceTo(scheduler.now + s * 1e6) };
}

describe('UartPeer', () => {
  it('carries every byte, ten bit times each', () => {
    const { left, received, run } = wired();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    left.send(bytes);
    run(0.3);
    expect(received.map(({ byte }) => byte)).toEqual([...bytes]);
    expect(received.at(-1)!.t - received[0]!.t).toBeCloseTo((255 * 10) / 9600, 5);
  });

  it('says when the last byte went out', () => {
    const { left, scheduler, run } = wired();
    const sent: number[] = [];
    left.send(Uint8Array.of(1, 2), () => sent.push(scheduler.seconds()));
    left.send(Uint8Array.of(3), () => sent.push(scheduler.seconds()));
    run(0.1);
    expect(sent.map((t) => Math.round(t * 9600))).toEqual([19, 29]);
  });

  it('keeps its rate when the cycles of the board change their length', () => {
    const { left, received, scheduler, run } = wired();
    left.send(Uint8Array.of(0xa5, 0x5a, 0xff, 0x00));
    run(0.0007);
    scheduler.setFrequency(8_000_000);
    scheduler.advanceTo(scheduler.now + 80_000);
    expect(received.map(({ byte }) => byte)).toEqual([0xa5, 0x5a, 0xff, 0x00]);
  });

  it('cannot read another rate', () => {
    const { left, right, received, run } = wired({ baud: 4800 }, { baud: 9600 });
    left.send(Uint8Array.of(0x00, 0x01));
    run(0.1);
    expect(right.framingErrors).toBeGreaterThan(0);
    expect(received.map(({ byte }) => byte)).not.toEqual([0x00, 0x01]);
  });

  it('refuses more than its queue holds, and takes nothing of it', () => {
    const { left, received, run } = wired({ queueLimit: 4 });
    left.send(Uint8Array.of(1, 2, 3, 4));
    expect(() => left.send(Uint8Array.of(5, 6))).toThrowError(expect.objectContaining({ code: 'UART_QUEUE_FULL' }));
    left.send(Uint8Array.of(7));
    run(0.1);
    expect(received.map(({ byte }) => byte)).toEqual([1, 2, 3, 4, 7]);
  });

  it('finishes the byte on the line when the rest is discarded', () => {
    const { left, received, run } = wired();
    left.send(Uint8Array.of(1, 2, 3));
    run(0.0005);
    left.discard();
    run(0.1);
    expect(received.map(({ byte }) => byte)).toEqual([1]);
    left.send(Uint8Array.of(9));
    run(0.1);
    expect(received.map(({ byte }) => byte)).toEqual([1, 9]);
  });

  it('knows no absurd rate', () => {
    expect(() => wired({ baud: 1 })).toThrowError(expect.objectContaining({ code: 'USAGE' }));
  });
});
