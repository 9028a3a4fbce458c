/** The bench's board without a page: released firmware, on a clock that the test turns. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadImage, makeImage, type Timers } from '../../../host/emulator/index.ts';
import { Machine } from './machine.ts';

const firmware = join(import.meta.dirname, '../../../firmware/dist');

/** Wall clock of the test: `advance` runs what is due. */
class HandTimers implements Timers {
  private ms = 0;
  private readonly waiting: { at: number; run: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.ms + ms, run };
    this.waiting.push(entry);
    return () => {
      const index = this.waiting.indexOf(entry);
      if (index >= 0) this.waiting.splice(index, 1);
    };
  }

  advance(ms: number): void {
    const end = this.ms + ms;
    for (;;) {
      const next = this.waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.waiting.splice(this.waiting.indexOf(next), 1);
      this.ms = Math.max(this.ms, next.at);
      next.run();
    }
    this.ms = end;
  }
}

function fail(error: unknown): never {
  throw error;
}

function machineOf(kind: string): { machine: Machine; timers: HandTimers } {
  const timers = new HandTimers();
  const image = loadImage(new Uint8Array(readFileSync(join(firmware, `${kind}.hex`))));
  return { machine: new Machine(image, timers, fail), timers };
}

describe('a released program', () => {
  it('is greeted once it said hello, and acknowledges a command on the board’s time', async () => {
    const { machine, timers } = machineOf('ball');
    expect(machine.link.state).toBe('detached');
    machine.runner.run();
    timers.advance(2000);
    expect(machine.link.state).toBe('online');
    const answer = machine.link.command({ name: 'ping' });
    timers.advance(1000);
    expect(await answer).toMatchObject({ status: 'ok', attempts: 1 });
    const names = machine.link.messages.since(0).map(({ direction, name }) => `${direction} ${name}`);
    expect(names).toEqual(expect.arrayContaining(['in hello', 'out hello_request', 'out ping', 'in ack']));
    expect(machine.board.seconds).toBeCloseTo(3, 1);
    const times = machine.link.wire.since(0).map(({ t }) => t);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.length).toBeGreaterThan(10);
  });

  it('hears a press however short the click was', () => {
    const { machine, timers } = machineOf('ball');
    machine.runner.run();
    timers.advance(1000);
    machine.setButton(true);
    machine.setButton(false);
    timers.advance(1000);
    const events = machine.link.messages.since(0).filter(({ name }) => name === 'event');
    expect(events.map(({ text }) => text)).toEqual([
      expect.stringContaining('button_pressed'),
      expect.stringContaining('button_released'),
    ]);
  });

  it('runs at a tenth and at ten times the wall clock, and stands still in between', () => {
    const { machine, timers } = machineOf('light');
    machine.runner.speed = 0.1;
    machine.runner.run();
    timers.advance(5000);
    expect(machine.board.seconds).toBeCloseTo(0.5, 1);
    machine.runner.pause();
    const paused = machine.board.seconds;
    timers.advance(5000);
    expect(machine.board.seconds).toBe(paused);
    machine.runner.speed = 10;
    machine.runner.run();
    machine.runner.rates();
    timers.advance(1000);
    expect(machine.board.seconds - paused).toBeCloseTo(10, 0);
    expect(machine.runner.rates()!.realtimeFactor).toBeCloseTo(10, 0);
  });

  it('executes one instruction a step', () => {
    const { machine } = machineOf('light');
    const { mcu } = machine.board;
    machine.runner.step();
    machine.runner.step();
    expect(mcu.instructions).toBe(2);
    expect(machine.runner.running).toBe(false);
  });
});

describe('a program of somebody else', () => {
  it('is sent nothing that nobody asked for, and never greeted', () => {
    const timers = new HandTimers();
    // mov #0x5a80, &WDTCTL; jmp $
    const data = Uint8Array.of(0xb2, 0x40, 0x80, 0x5a, 0x20, 0x01, 0xff, 0x3f);
    const image = makeImage('ti-txt', [
      { address: 0xc000, data },
      { address: 0xfffe, data: Uint8Array.of(0x00, 0xc0) },
    ]);
    const machine = new Machine(image, timers, fail);
    machine.runner.run();
    timers.advance(1000);
    expect(machine.board.mcu.instructions).toBeGreaterThan(1000);
    machine.link.flush();
    expect(machine.link.wire.total).toBe(0);
    expect(machine.link.state).toBe('detached');
  });
});
