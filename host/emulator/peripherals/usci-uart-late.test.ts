/** A line that is driven late shows the same edges at the same times as one that somebody listens to. */
import { describe, expect, it } from 'vitest';
import { Mcu } from '../mcu.ts';
import type { LateFrameListener } from './pin.ts';
import { UsciInterrupts } from './usci-interrupts.ts';
import { UsciUart } from './usci-uart.ts';
import { ctl1, stat, uca0 } from './usci-uart-registers.ts';

type Edge = readonly [level: number, microseconds: number];

/** USCI_A0 at 9600 baud from a DCO of 1 MHz. */
function sender(watched: boolean, frames?: LateFrameListener) {
  const mcu = new Mcu();
  const { bus, scheduler } = mcu;
  new UsciUart(mcu, new UsciInterrupts(mcu), () => undefined);
  bus.writeByte(0x57, mcu.peek(0x10ff));
  bus.writeByte(0x56, mcu.peek(0x10fe));
  bus.writeByte(0x26, 0x04);
  bus.writeByte(0x41, 0x04);
  bus.writeByte(uca0.CTL1, ctl1.UCSSEL | ctl1.UCSWRST);
  bus.writeByte(uca0.BR0, 104);
  bus.writeByte(uca0.MCTL, 0x02);
  const pin = mcu.pin(1, 2);
  pin.pull(1);
  const edges: Edge[] = [];
  const micros = (seconds: number) => Math.round(seconds * 1e7) / 10;
  pin.onChangeLate((level, seconds) => edges.push([level, micros(seconds ?? scheduler.seconds())]), frames);
  if (watched) pin.onChange(() => undefined);
  bus.writeByte(uca0.CTL1, ctl1.UCSSEL);
  return { mcu, bus, pin, edges };
}

type Sender = ReturnType<typeof sender>;

/** The edges of a scenario on a line that nobody listens to, after it was compared with one that somebody does. */
function same(scenario: (sender: Sender) => void): Edge[] {
  const [late, immediate] = [sender(false), sender(true)];
  scenario(late);
  scenario(immediate);
  late.pin.catchUp();
  expect(late.edges).toEqual(immediate.edges);
  return late.edges;
}

describe('a line that is driven late', () => {
  it('shows the edges of frames without a gap', () => {
    const edges = same(({ mcu, bus }) => {
      bus.writeByte(uca0.TXBUF, 0x55);
      mcu.runFor(0.5e-3);
      bus.writeByte(uca0.TXBUF, 0x0f);
      mcu.runFor(5e-3);
    });
    expect(edges.length).toBeGreaterThan(12);
  });

  it('needs one event a frame', () => {
    const { mcu, bus } = sender(false);
    bus.writeByte(uca0.TXBUF, 0x55);
    mcu.scheduler.advanceTo(mcu.scheduler.nextAt);
    expect(mcu.scheduler.seconds(mcu.scheduler.nextAt) - mcu.scheduler.seconds()).toBeCloseTo(1041e-6, 5);
  });

  it('shows its level to whoever looks in the middle of a frame', () => {
    const { mcu, bus, pin, edges } = sender(false);
    bus.writeByte(uca0.TXBUF, 0xf0);
    mcu.runFor(300e-6);
    expect(edges.at(-1)?.[0]).not.toBe(0);
    expect(pin.level).toBe(0);
    mcu.runFor(400e-6);
    expect(bus.readByte(0x20) & 4).toBe(4);
  });

  it('keeps up from the moment when somebody begins to listen', () => {
    const { mcu, bus, pin, edges } = sender(false);
    bus.writeByte(uca0.TXBUF, 0x55);
    mcu.runFor(350e-6);
    const heard: Edge[] = [];
    pin.onChange((level) => heard.push([level, Math.round(mcu.scheduler.seconds() * 1e7) / 10]));
    const before = edges.length;
    mcu.runFor(2e-3);
    expect(before).toBeGreaterThan(2);
    expect(heard.length).toBeGreaterThan(4);
    expect(edges.slice(before)).toEqual(heard);
  });

  it('keeps what passed when the DCO changes within a frame', () => {
    const edges = same(({ mcu, bus }) => {
      bus.writeByte(uca0.TXBUF, 0x33);
      mcu.runFor(450e-6);
      bus.writeByte(0x57, mcu.peek(0x10fd));
      bus.writeByte(0x56, mcu.peek(0x10fc));
      mcu.runFor(5e-3);
    });
    expect(edges.length).toBeGreaterThan(3);
  });

  it('is broken off by UCSWRST, by another function of the pin, by a reset', () => {
    same(({ mcu, bus }) => {
      bus.writeByte(uca0.TXBUF, 0x0f);
      mcu.runFor(300e-6);
      bus.writeByte(uca0.CTL1, ctl1.UCSSEL | ctl1.UCSWRST);
      mcu.runFor(1e-3);
    });
    same(({ mcu, bus }) => {
      bus.writeByte(uca0.TXBUF, 0x5a);
      mcu.runFor(330e-6);
      bus.writeByte(0x26, 0);
      mcu.runFor(400e-6);
      bus.writeByte(0x26, 4);
      mcu.runFor(1e-3);
    });
    same(({ mcu, bus }) => {
      bus.writeByte(uca0.TXBUF, 0x5a);
      mcu.runFor(330e-6);
      mcu.reset('pin');
      mcu.runFor(1e-3);
    });
  });

  it('is heard by the receiver of a loop back that begins within a frame', () => {
    same(({ mcu, bus }) => {
      bus.writeByte(uca0.TXBUF, 0xaa);
      mcu.runFor(150e-6);
      bus.writeByte(uca0.STAT, stat.UCLISTEN);
      mcu.runFor(3e-3);
      bus.writeByte(uca0.TXBUF, 0x3c);
      mcu.runFor(3e-3);
      expect(bus.readByte(uca0.RXBUF)).toBe(0x3c);
    });
  });

  it('gives whole frames to an only listener that takes them, and edges where it looked within one', () => {
    const frames: [bits: number, length: number, startMicroseconds: number][] = [];
    let taken = true;
    const { mcu, bus, pin, edges } = sender(false, {
      frame(frame) {
        if (taken) frames.push([frame.bits, frame.length, Math.round(frame.frameSeconds() * 1e6)]);
        return taken;
      },
    });
    const send = (byte: number) => {
      bus.writeByte(uca0.TXBUF, byte);
      mcu.runFor(2e-3);
    };
    const levelsOf = (sent: () => void) => {
      const before = edges.length;
      sent();
      return edges.slice(before).map(([level]) => level);
    };
    expect(levelsOf(() => send(0x0f))).toEqual([]);
    expect(levelsOf(() => send(0x00))).toEqual([]);
    expect(frames.map(([bits, length]) => [bits, length])).toEqual([
      [0x21e, 10],
      [0x200, 10],
    ]);
    expect(frames[1]![2] - frames[0]![2]).toBe(2000);
    const looked = () => {
      bus.writeByte(uca0.TXBUF, 0x0f);
      mcu.runFor(0.2e-3);
      expect(pin.level).toBe(1);
      mcu.runFor(2e-3);
    };
    expect(levelsOf(looked)).toEqual([0, 1, 0, 1]);
    taken = false;
    expect(levelsOf(() => send(0x0f))).toEqual([0, 1, 0, 1]);
    taken = true;
    pin.onChangeLate(() => undefined);
    expect(levelsOf(() => send(0x0f))).toEqual([0, 1, 0, 1]);
    expect(frames.length).toBe(2);
  });
});
