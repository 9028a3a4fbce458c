import { describe, expect, it } from 'vitest';
import { Scheduler } from '../scheduler.ts';
import type { TraceEvent } from './device.ts';
import { Tca6507 } from './tca6507.ts';

function chip() {
  const scheduler = new Scheduler(1_000_000);
  const events: (TraceEvent & { t: number })[] = [];
  const device = new Tca6507({
    scheduler,
    trace: (event) => events.push({ t: scheduler.seconds(), ...event }),
    tracing: () => true,
  });
  return { scheduler, events, device };
}

/** A write transaction; the acknowledges of its bytes. */
function write(device: Tca6507, ...bytes: number[]): boolean[] {
  const acknowledged = [device.start(false), ...bytes.map((byte) => device.write(byte))];
  device.stop();
  return acknowledged;
}

function read(device: Tca6507, count: number): number[] {
  device.start(true);
  const bytes = Array.from({ length: count }, () => device.read());
  device.stop();
  return bytes;
}

describe('TCA6507 on the bus (SCPS164, "Control Register and Command Byte")', () => {
  it('has its power-on values', () => {
    const { device } = chip();
    write(device, 0x10);
    expect(read(device, 10)).toEqual([0, 0, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f]);
  });

  it('increments the register only when bit 4 asks for it, and wraps after the initialisation register', () => {
    const { device } = chip();
    write(device, 0x18, 0x12, 0x34, 0x00, 0x56, 0x78);
    expect([...device.registers]).toEqual([0x56, 0x78, 0, 0x44, 0x44, 0x44, 0x44, 0x44, 0x12, 0x34]);
    write(device, 0x02, 0x01, 0x02, 0x03);
    expect(device.registers[2]).toBe(3);
    expect(device.registers[3]).toBe(0x44);
  });

  it('refuses the registers 11 to 15 and keeps its command', () => {
    const { device } = chip();
    write(device, 0x08);
    for (let register = 11; register < 16; register++) expect(write(device, 0x10 | register)).toEqual([true, false]);
    expect(read(device, 2)).toEqual([0xff, 0xff]);
  });

  it('keeps its command over a STOP', () => {
    const { device } = chip();
    write(device, 0x13);
    expect(read(device, 1)).toEqual([0x44]);
    write(device, 0x09, 0x21);
    expect(read(device, 1)).toEqual([0x21]);
  });

  it('is silent, dark and reset while EN is low', () => {
    const { device } = chip();
    write(device, 0x12, 0x7f);
    expect(device.brightness(3)).toBe(1);
    device.setEnabled(false);
    expect(device.brightness(3)).toBe(0);
    expect(device.start(false)).toBe(false);
    device.setEnabled(true);
    expect(device.start(false)).toBe(true);
    expect(device.registers[2]).toBe(0);
  });

  it('traces an output that changes, and a fade while it lasts', () => {
    const { device, events, scheduler } = chip();
    write(device, 0x02, 0x02);
    expect(events).toEqual([{ t: 0, kind: 'led', led: 'P1', brightness: 1 }]);
    events.length = 0;
    write(device, 0x09, 0x4f);
    write(device, 0x01, 0x02);
    scheduler.advanceTo(scheduler.cycles(5));
    const fadeOn = events.filter((event) => event.t < 0.256).map((event) => event.kind === 'led' && event.brightness);
    expect(fadeOn.length).toBeGreaterThan(5);
    expect([...fadeOn].sort()).toEqual(fadeOn);
    expect(events.at(-1)).toMatchObject({ led: 'P1', brightness: 0 });
    expect(scheduler.nextAt).toBe(Number.POSITIVE_INFINITY);
  });
});
