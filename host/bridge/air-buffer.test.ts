import { describe, expect, it } from 'vitest';
import { AirBuffer } from './air-buffer.ts';

/** What is taken packet by packet. */
function drain(buffer: AirBuffer): number[][] {
  const packets: number[][] = [];
  for (let packet = buffer.first(); packet !== undefined; packet = buffer.first()) {
    packets.push([...packet]);
    buffer.shift();
  }
  return packets;
}

function filled(limit: number, room: number, bytes: number): AirBuffer {
  const buffer = new AirBuffer(limit, room);
  for (let byte = 0; byte < bytes; byte++) buffer.push(byte);
  return buffer;
}

describe('AirBuffer', () => {
  it('closes a packet when a notification is full, and keeps the rest open until the pause', () => {
    const buffer = filled(100, 4, 10);
    expect(drain(buffer)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect([buffer.collecting, buffer.waiting]).toEqual([2, 2]);
    buffer.close();
    expect(drain(buffer)).toEqual([[8, 9]]);
    buffer.close();
    expect(buffer.first()).toBeUndefined();
  });

  it('loses the newest bytes when it is full, and counts them', () => {
    const buffer = filled(6, 4, 9);
    buffer.close();
    expect(drain(buffer)).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
    expect(buffer.lost).toBe(3);
    expect(buffer.push(9)).toBe(true);
  });

  it('cuts what waits when notifications became smaller', () => {
    const buffer = filled(100, 6, 6);
    buffer.setRoom(4);
    expect(buffer.first()).toHaveLength(4);
    expect(buffer.first()).toHaveLength(4);
    expect(drain(buffer)).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
    expect(buffer.waiting).toBe(0);
  });

  it('says how much it forgets', () => {
    const buffer = filled(100, 4, 7);
    expect(buffer.clear()).toBe(7);
    expect([buffer.waiting, buffer.first()]).toEqual([0, undefined]);
  });
});
