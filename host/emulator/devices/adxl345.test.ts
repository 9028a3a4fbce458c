import { describe, expect, it } from 'vitest';
import { Scheduler } from '../scheduler.ts';
import { Adxl345 } from './adxl345.ts';
import type { Acceleration } from './adxl345-motion.ts';
import { adxl345Registers as r } from './adxl345-registers.ts';

function chip() {
  const scheduler = new Scheduler(1_000_000);
  const state = { acceleration: [0, 0, 1] as Acceleration, int1: 0 };
  const device = new Adxl345(
    { scheduler, trace: () => {}, tracing: () => false },
    {
      acceleration: () => state.acceleration,
      onInt1: (level) => {
        state.int1 = level;
      },
    },
  );
  const write = (...bytes: number[]) => {
    device.start(false);
    for (const byte of bytes) device.write(byte);
    device.stop();
  };
  const read = (register: number, count: number) => {
    device.start(false);
    device.write(register);
    device.start(true);
    const bytes = Array.from({ length: count }, () => device.read());
    device.stop();
    return bytes;
  };
  const axes = () => {
    const view = new DataView(Uint8Array.from(read(r.DATAX0, 6)).buffer);
    return [view.getInt16(0, true), view.getInt16(2, true), view.getInt16(4, true)];
  };
  const run = (seconds: number) => scheduler.advanceTo(scheduler.now + scheduler.cycles(seconds));
  return { device, scheduler, state, write, read, axes, run };
}

describe('ADXL345', () => {
  it('says who it is and sleeps until it is told to measure', () => {
    const { read, scheduler } = chip();
    expect(read(r.DEVID, 1)).toEqual([0xe5]);
    expect(read(r.BW_RATE, 1)).toEqual([0x0a]);
    expect(scheduler.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('measures at its output rate in 3.9 mg steps', () => {
    const { write, axes, run, state, read } = chip();
    state.acceleration = [0.5, -1, 1];
    write(r.POWER_CTL, 0x08);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x80).toBe(0);
    run(0.0101);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x80).toBe(0x80);
    expect(axes()).toEqual([128, -256, 256]);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x80).toBe(0);
  });

  it('loses resolution with range unless full resolution is set, and clips', () => {
    const { write, axes, run, state } = chip();
    state.acceleration = [1, 8, -20];
    write(r.DATA_FORMAT, 0x03);
    write(r.POWER_CTL, 0x08);
    run(0.02);
    expect(axes()).toEqual([32, 256, -512]);
    write(r.DATA_FORMAT, 0x0b);
    run(0.02);
    expect(axes()).toEqual([256, 2048, -4096]);
    write(r.DATA_FORMAT, 0x00);
    run(0.02);
    expect(axes()).toEqual([256, 511, -512]);
    write(r.DATA_FORMAT, 0x04);
    run(0.02);
    expect(axes()).toEqual([256 << 6, 511 << 6, -32768]);
  });

  it('adds offsets of 15.6 mg', () => {
    const { write, axes, run } = chip();
    write(r.OFSX, 10, 0xf6, 0);
    write(r.POWER_CTL, 0x08);
    run(0.02);
    expect(axes()).toEqual([40, -40, 256]);
  });

  it('raises INT1 for data ready until the data were read', () => {
    const { write, axes, run, state } = chip();
    write(r.INT_ENABLE, 0x80);
    write(r.POWER_CTL, 0x08);
    expect(state.int1).toBe(0);
    run(0.0101);
    expect(state.int1).toBe(1);
    axes();
    expect(state.int1).toBe(0);
    write(r.INT_MAP, 0x80);
    run(0.0101);
    expect(state.int1).toBe(0);
  });

  it('inverts INT1', () => {
    const { write, state } = chip();
    write(r.DATA_FORMAT, 0x20);
    expect(state.int1).toBe(1);
  });

  it('notices activity against its reference and inactivity after its time, in turn when linked', () => {
    const { write, read, run, state } = chip();
    write(r.THRESH_ACT, 8, 4, 1, 0xff); // 0.5 g, 0.25 g, 1 s, all axes, AC coupled
    write(r.INT_ENABLE, 0x18);
    write(r.POWER_CTL, 0x28);
    run(1.5);
    expect(state.int1).toBe(0);
    state.acceleration = [0.7, 0, 1];
    run(0.02);
    expect(state.int1).toBe(1);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x18).toBe(0x10);
    expect(state.int1).toBe(0);
    run(0.9);
    expect(state.int1).toBe(0);
    run(0.2);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x18).toBe(0x08);
    run(2);
    expect(state.int1).toBe(0);
  });

  it('notices free fall', () => {
    const { write, read, run, state } = chip();
    write(r.THRESH_FF, 7, 20); // 0.4375 g, 100 ms
    write(r.INT_ENABLE, 0x04);
    write(r.POWER_CTL, 0x08);
    run(1);
    state.acceleration = [0.1, 0, 0.1];
    run(0.05);
    expect(state.int1).toBe(0);
    run(0.1);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x04).toBe(0x04);
  });

  it('keeps 32 samples in FIFO mode and says so', () => {
    const { write, read, axes, run, state } = chip();
    write(r.FIFO_CTL, 0x45);
    write(r.POWER_CTL, 0x08);
    run(0.051);
    expect(read(r.FIFO_STATUS, 1)).toEqual([5]);
    expect(read(r.INT_SOURCE, 1)[0]! & 0x02).toBe(0x02);
    run(0.4);
    state.acceleration = [1, 1, 1];
    expect(read(r.INT_SOURCE, 1)[0]! & 0x01).toBe(0x01);
    expect(read(r.FIFO_STATUS, 1)).toEqual([32]);
    for (let sample = 0; sample < 32; sample++) expect(axes()).toEqual([0, 0, 256]);
    expect(read(r.FIFO_STATUS, 1)).toEqual([0]);
  });

  it('ignores writes to read-only registers', () => {
    const { write, read } = chip();
    write(r.DEVID, 0x12);
    write(r.DATAX0, 0x12);
    expect(read(r.DEVID, 1)).toEqual([0xe5]);
    expect(read(r.DATAX0, 1)).toEqual([0]);
  });
});
