import { describe, expect, it } from 'vitest';
import { World } from './world.ts';

const times = Array.from({ length: 400 }, (_, index) => index / 4);

describe('World', () => {
  it('moves gently and the same way for the same seed', () => {
    const [a, b, c] = [new World({ seed: 3 }), new World({ seed: 3 }), new World({ seed: 4 })];
    const lux = times.map((t) => a.lux(t));
    expect(times.map((t) => b.lux(t))).toEqual(lux);
    expect(times.map((t) => c.lux(t))).not.toEqual(lux);
    expect(Math.min(...lux)).toBeGreaterThan(100);
    expect(Math.max(...lux) - Math.min(...lux)).toBeGreaterThan(100);
    for (const t of times) {
      expect(Math.hypot(...a.acceleration(t))).toBeLessThan(2);
      expect(a.supply(t)).toBeCloseTo(3.3, 1);
    }
  });

  it('can be switched off', () => {
    const world = new World({ alive: false });
    expect(new Set(times.map((t) => world.lux(t)))).toEqual(new Set([300]));
    expect(world.acceleration(7)).toEqual([0, 0, 1]);
  });

  it('takes fixed values, says so, and takes them back', () => {
    const world = new World({ alive: false });
    let changes = 0;
    world.onChange = () => changes++;
    world.setLux(1000);
    world.setAcceleration([1, 0, 0]);
    world.setTemperature(-5);
    world.setSupply(2.2);
    expect([world.lux(1), world.acceleration(1), world.temperature(1), world.supply(1)]).toEqual([
      1000,
      [1, 0, 0],
      -5,
      2.2,
    ]);
    world.setLux(undefined);
    expect(world.lux(1)).toBe(300);
    expect(changes).toBe(5);
  });
});
