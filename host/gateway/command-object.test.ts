import { expect, test } from 'vitest';
import type { CommandObject } from '../../cloud/protocol/messages.ts';
import { commandNames, decodeCommand } from './command-object.ts';

const color = {
  name: 'set_color',
  leds: 3,
  red: 255,
  green: 128,
  blue: 0,
  effect: 1,
  fadeOnMs: 256,
  onMs: 512,
  fadeOffMs: 256,
  offMs: 1024,
};

test('numbers pass unchanged, bytes become Uint8Array', () => {
  expect(decodeCommand(color)).toEqual(color);
  expect(decodeCommand({ name: 'ping' })).toEqual({ name: 'ping' });
  expect(decodeCommand({ name: 'set_outputs', codes: [0, 1, 2, 3, 4, 5, 6] })).toEqual({
    name: 'set_outputs',
    codes: Uint8Array.of(0, 1, 2, 3, 4, 5, 6),
  });
  expect(decodeCommand({ name: 'write_registers', address: 0x45, register: 0x12, values: [] })).toEqual({
    name: 'write_registers',
    address: 0x45,
    register: 0x12,
    values: new Uint8Array(0),
  });
  expect(decodeCommand({ name: 'step_brightness', source: 1, step: -15 })).toMatchObject({ step: -15 });
});

test('only commands are commands', () => {
  expect(commandNames).toContain('set_color');
  for (const name of ['hello_request', 'hello', 'ack', 'toString', '__proto__', 'explode', ''])
    expect(() => decodeCommand({ name }), name).toThrow(/unknown command .*ping/);
  for (const object of [null, 5, 'ping', [], {}, { name: 7 }])
    expect(() => decodeCommand(object as unknown as CommandObject)).toThrow(/unknown command/);
});

test.each([
  [{ ...color, red: undefined }, /red is missing; it is an integer from 0 to 255/],
  [{ ...color, red: 256 }, /red cannot be 256/],
  [{ ...color, red: -1 }, /red cannot be -1/],
  [{ ...color, red: 1.5 }, /red cannot be 1.5/],
  [{ ...color, red: '255' }, /red cannot be "255"/],
  [{ ...color, onMs: 65536 }, /onMs cannot be 65536; it is an integer from 0 to 65535/],
  [{ ...color, colour: 1 }, /no field "colour"; its fields: leds, red/],
  [{ name: 'ping', now: true }, /no field "now"; its fields: none/],
  [{ name: 'step_brightness', source: 0, step: -129 }, /step cannot be -129/],
  [{ name: 'set_outputs', codes: [1, 2, 3] }, /codes cannot be \[1,2,3\]; it is an array of 7 bytes/],
  [{ name: 'set_outputs', codes: [1, 2, 3, 4, 5, 6, 256] }, /array of 7 bytes/],
  [{ name: 'write_registers', address: 1, register: 2, values: Array(17).fill(0) }, /at most 16 bytes/],
  [{ name: 'write_registers', address: 1, register: 2, values: 'AA' }, /at most 16 bytes/],
])('says what is wrong: %j', (object, message) => {
  expect(() => decodeCommand(object as unknown as CommandObject)).toThrow(message);
});
