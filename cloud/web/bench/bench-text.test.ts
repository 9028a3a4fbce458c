/** What the bench writes and reads as text, and the log that forgets. */

import { describe, expect, it } from 'vitest';
import { hexBytes, messageText, parseBytes } from './message-text.ts';
import { lowPowerMode } from './processor-panel.ts';
import { RingLog } from './ring-log.ts';

describe('message text', () => {
  it('names what has a name and writes the rest in figures and hex', () => {
    expect(messageText({ name: 'ack', commandSequence: 17, status: 4, data: Uint8Array.of(15, 0) })).toBe(
      'commandSequence 17, status i2c_nack, data 0f 00',
    );
    const pressed = messageText({ name: 'event', timeMs: 5, event: 3, value: 1 });
    expect(pressed.split(', ').sort()).toEqual(['event button_pressed', 'timeMs 5', 'value 1']);
    expect(messageText({ name: 'ack', commandSequence: 1, status: 250, data: Uint8Array.of() })).toBe(
      'commandSequence 1, status 250, data (none)',
    );
  });

  it.each([
    ['41 0d', [0x41, 0x0d]],
    ['410D', [0x41, 0x0d]],
    ['0x41,0x0d', [0x41, 0x0d]],
    ['', []],
  ])('reads %j as bytes', (text, bytes) => {
    expect([...parseBytes(text)!]).toEqual(bytes);
    expect([...parseBytes(hexBytes(bytes))!]).toEqual(bytes);
  });

  it.each(['4', '4g', 'hello', '41 0'])('does not take %j for bytes', (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });
});

describe('low-power modes', () => {
  it.each([
    [0x18, 'LPM0'],
    [0x58, 'LPM1'],
    [0x98, 'LPM2'],
    [0xd9, 'LPM3'],
    [0xf8, 'LPM4'],
  ])('SR %i is %s', (status, mode) => {
    expect(lowPowerMode(status)).toBe(mode);
  });
});

describe('ring log', () => {
  it('hands on what is new and keeps no more than it may', () => {
    const log = new RingLog<number>(3);
    log.add(1);
    log.add(2);
    expect(log.since(0)).toEqual([1, 2]);
    expect(log.since(1)).toEqual([2]);
    expect(log.since(2)).toEqual([]);
    for (let entry = 3; entry <= 100; entry++) log.add(entry);
    expect(log.total).toBe(100);
    expect(log.since(2)).toEqual([98, 99, 100]);
    expect(log.since(99)).toEqual([100]);
  });
});
