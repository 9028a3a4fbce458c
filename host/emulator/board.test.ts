/** The whole board with the released firmware on it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Board, type BoardOptions } from './board.ts';
import type { TraceEvent } from './devices/device.ts';
import { loadImage } from './image/load.ts';

type Event = TraceEvent & { t: number };

function powered(kind: string, options: BoardOptions = {}) {
  const file = new URL(`../../firmware/dist/${kind}.hex`, import.meta.url);
  const board = new Board({ alive: false, ...options });
  const events: Event[] = [];
  const sent: number[] = [];
  board.tracer.add((event) => events.push(event), ['i2c', 'led', 'motor', 'cpu']);
  board.uart.onByte = (byte) => sent.push(byte);
  board.load(loadImage(readFileSync(file)));
  const i2c = () => events.filter((event) => event.kind === 'i2c');
  return { board, events, sent, i2c };
}

describe('a board with released firmware', () => {
  it('says something with a delimiter, and starts the LED driver with a full register image', () => {
    const { board, sent, i2c } = powered('ball');
    board.runFor(0.2);
    expect(sent.filter((byte) => byte === 0).length).toBeGreaterThan(1);
    expect(i2c().map(({ addr, ack }) => [addr, ack])).toContainEqual([0x45, true]);
    expect(board.uart.framingErrors).toBe(0);
    expect(i2c().some(({ write }) => write.length === 11 && write[0] === 0x10)).toBe(true);
  });

  it('sleeps most of the time', () => {
    const { board } = powered('ball');
    board.runFor(1);
    const before = board.mcu.activeCycles;
    board.runFor(2);
    const awake = (board.mcu.activeCycles - before) / board.mcu.clocks.mclk.frequencyHz;
    expect(awake / 2).toBeLessThan(0.1);
  });

  it('lights the outputs one after the other in led_test', () => {
    const { board, events } = powered('led_test');
    board.runFor(1);
    const order = events
      .filter((event) => event.kind === 'led' && event.brightness === 1)
      .map((event) => (event as { led: string }).led);
    expect(order.slice(0, 6)).toEqual([
      'lower.red',
      'lower.green',
      'lower.blue',
      'upper.red',
      'upper.green',
      'upper.blue',
    ]);
  });

  it('measures the acceleration of its world', () => {
    const { board, i2c } = powered('arm');
    board.world.setAcceleration([0.5, -0.25, 1]);
    board.runFor(1.2);
    const last = i2c()
      .filter(({ read }) => read.length === 6)
      .at(-1)!;
    const view = new DataView(Uint8Array.from(last.read).buffer);
    expect([0, 2, 4].map((offset) => view.getInt16(offset, true))).toEqual([128, -64, 256]);
  });

  it('notices its button', () => {
    const pressed = powered('ball');
    const quiet = powered('ball');
    for (const { board } of [pressed, quiet]) board.runFor(1);
    pressed.board.pressButton();
    for (const { board } of [pressed, quiet]) board.runFor(0.2);
    expect(pressed.sent.length).toBeGreaterThan(quiet.sent.length);
  });

  it('starts and goes on when a slave holds SDA until it sees its clocks', () => {
    const { board, i2c } = powered('ball');
    board.i2c.stickSda(5);
    board.runFor(1);
    expect(board.mcu.pin(1, 7).level).toBe(1);
    expect(i2c().some(({ addr, ack }) => addr === 0x45 && ack)).toBe(true);
  });

  it('starts again at the reset button, with RAM and LED driver as they were', () => {
    const { board, events, sent } = powered('ball');
    board.runFor(0.5);
    sent.length = 0;
    board.pressReset();
    board.runFor(0.5);
    expect(events.filter((event) => event.kind === 'cpu')).toMatchObject([
      { event: 'reset', detail: 'power_on' },
      { event: 'reset', detail: 'pin' },
    ]);
    expect(sent.length).toBeGreaterThan(20);
  });

  it('runs the same way for the same seed, and differs in its VLO for another', () => {
    const runs = [1, 1, 2].map((seed) => powered('light', { seed, alive: true }));
    for (const { board } of runs) board.runFor(2);
    const [a, b, c] = runs;
    expect(b!.sent).toEqual(a!.sent);
    expect(b!.board.mcu.instructions).toBe(a!.board.mcu.instructions);
    expect(c!.board.mcu.vloHz).not.toBe(a!.board.mcu.vloHz);
  });
});

it('works without a program: nothing shines, nothing is said', () => {
  const board = new Board();
  board.runFor(1);
  expect(board.lights()).toEqual({ led1: 0, led2: 0, lower: [0, 0, 0], upper: [0, 0, 0] });
  expect(board.mcu.instructions).toBe(0);
});
