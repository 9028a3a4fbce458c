import { expect, it } from 'vitest';
import { Pin } from '../peripherals/pin.ts';
import { Scheduler } from '../scheduler.ts';
import { Motor } from './motor.ts';

function bench() {
  const scheduler = new Scheduler(1_000_000);
  const pin = new Pin('P2.1');
  const traced: number[] = [];
  const context = {
    scheduler,
    trace: (event: { kind: string }) => traced.push((event as unknown as { duty: number }).duty),
    tracing: () => true,
  };
  const motor = new Motor(context, pin);
  const pwm = (high: number, period: number, cycles: number) => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      pin.drive(1);
      scheduler.advanceTo(scheduler.now + high);
      pin.drive(0);
      scheduler.advanceTo(scheduler.now + period - high);
    }
  };
  return { scheduler, pin, motor, traced, pwm };
}

it('feels the share of time that its pin is high', () => {
  const { motor, pwm, traced } = bench();
  pwm(250, 1000, 60);
  expect(motor.duty).toBeCloseTo(0.25, 2);
  pwm(900, 1000, 60);
  expect(motor.duty).toBeCloseTo(0.9, 2);
  expect(traced[0]).toBeCloseTo(0.25, 2);
  expect(traced.at(-1)).toBeCloseTo(0.9, 2);
});

it('is on or off with a steady pin, and then needs no events', () => {
  const { motor, pin, scheduler } = bench();
  pin.drive(1);
  scheduler.advanceTo(100_000);
  expect(motor.duty).toBe(1);
  expect(scheduler.nextAt).toBe(Number.POSITIVE_INFINITY);
  pin.drive(0);
  scheduler.advanceTo(200_000);
  expect(motor.duty).toBe(0);
});
