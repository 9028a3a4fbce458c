/** Fleets of the released light probe. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Board } from './board.ts';
import { Fleet } from './fleet.ts';
import { loadImage } from './image/load.ts';

const image = loadImage(readFileSync(new URL('../../firmware/dist/light.hex', import.meta.url)));

function sentByFleet(count: number, seconds: number, turn: number): number[][] {
  const sent: number[][] = Array.from({ length: count }, () => []);
  const fleet = new Fleet({ image, count, seed: 40, onByte: (probe, byte) => sent[probe]!.push(byte) });
  for (let turns = 1; fleet.seconds < seconds; turns++) fleet.runUntil(Math.min(seconds, turns * turn));
  expect(fleet.bytes).toBe(sent.reduce((sum, bytes) => sum + bytes.length, 0));
  return sent;
}

describe('a fleet', () => {
  it('sends what boards with the same seeds send, byte for byte', () => {
    const sent = sentByFleet(3, 4, 0.05);
    sent.forEach((bytes, index) => {
      const board = new Board({ seed: 40 + index, image });
      const expected: number[] = [];
      board.uart.onByte = (byte) => expected.push(byte);
      board.runFor(4);
      expect(bytes.length).toBeGreaterThan(200);
      expect(bytes).toEqual(expected);
    });
  });

  it('sends the same whatever the length of a turn', () => {
    expect(sentByFleet(2, 2, 0.003)).toEqual(sentByFleet(2, 2, 0.5));
  });

  it('has probes that differ', () => {
    const [first, second] = sentByFleet(2, 2, 0.1);
    expect(first).not.toEqual(second);
  });

  it('switches probes on one after another', () => {
    const sent: number[][] = [[], []];
    const fleet = new Fleet({
      image,
      count: 2,
      seed: 40,
      powerOnSeconds: 3,
      onByte: (probe, byte) => sent[probe]!.push(byte),
    });
    for (let turns = 1; turns <= 70; turns++) fleet.runUntil(turns * 0.05);
    const [first, second] = sentByFleet(2, 2, 0.05);
    expect(second!.length).toBeGreaterThan(50);
    expect(sent[1]).toEqual(second);
    expect(sent[0]!.slice(0, first!.length)).toEqual(first);
    expect(sent[0]!.length).toBeGreaterThan(first!.length);
  });
});
