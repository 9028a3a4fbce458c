import { expect, test } from 'vitest';
import { invalidVectors, toleratedVectors, validVectors } from '../../test/vectors/vectors.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import { decodeFrame, type Packet } from './framer.ts';
import { type Message, type MessageDefinition, messages } from './messages.ts';

test('every message has a golden vector', () => {
  expect(new Set(validVectors.map(({ message }) => message.name))).toEqual(new Set(Object.keys(messages)));
});

test.each(validVectors)('encodes and decodes $title', ({ message, packet }) => {
  const type = packet[0]! & 0x3f;
  const payload = packet.slice(3, -2);
  expect(encodeMessage(message)).toEqual({ type, payload });
  expect(decodeMessage({ type, payload })).toEqual(message);
});

test.each(toleratedVectors)('ignores what follows: $title', ({ message, packet }) => {
  expect(decodeMessage({ type: packet[0]! & 0x3f, payload: packet.slice(3, -2) })).toEqual(message);
});

const payloadErrors = invalidVectors.filter(({ error }) => /type|payload|data/.test(error));

test.each(payloadErrors)('refuses $title as $error', ({ wire, error }) => {
  const packet = decodeFrame(wire.subarray(0, -1)) as Packet;
  expect(packet.type).toBeTypeOf('number');
  expect(decodeMessage(packet)).toBe(error);
});

test('every message cut short is refused, except inside its data', () => {
  for (const { message, packet } of validVectors) {
    const definition: MessageDefinition = messages[message.name];
    const data = definition.fields.find(({ type }) => type === 'data');
    const payload = packet.slice(3, -2);
    const shortest = data
      ? payload.length - (message as unknown as Record<string, Uint8Array>)[data.name]!.length
      : payload.length;
    for (let length = 0; length < payload.length; length++) {
      const decoded = decodeMessage({ type: definition.type, payload: payload.subarray(0, length) });
      if (length < shortest) expect(decoded, `${message.name} at ${length}`).toBe('short_payload');
      else expect(decoded, `${message.name} at ${length}`).toMatchObject({ name: message.name });
    }
  }
});

test('a decoded message does not change with the buffer that it came from', () => {
  const payload = Uint8Array.of(1, 0, 0, 9, 9);
  const message = decodeMessage({ type: messages.ack.type, payload });
  payload.fill(0);
  expect(message).toMatchObject({ data: Uint8Array.of(9, 9) });
});

const color = { leds: 1, red: 0, green: 0, blue: 0, effect: 0, fadeOnMs: 0, onMs: 0, fadeOffMs: 0, offMs: 0 };

test.each<[string, unknown]>([
  ['set_color.red must be an integer from 0 to 255', { name: 'set_color', ...color, red: 256 }],
  ['set_color.red must be an integer from 0 to 255', { name: 'set_color', ...color, red: -1 }],
  ['set_color.red must be an integer from 0 to 255', { name: 'set_color', ...color, red: 1.5 }],
  ['set_color.red must be an integer from 0 to 255', { name: 'set_color', ...color, red: '1' }],
  ['set_color.onMs must be an integer from 0 to 65535', { name: 'set_color', ...color, onMs: undefined }],
  ['step_brightness.step must be an integer from -128 to 127', { name: 'step_brightness', source: 0, step: -129 }],
  ['set_outputs.codes must be 7 bytes', { name: 'set_outputs', codes: new Uint8Array(6) }],
  ['set_outputs.codes must be 7 bytes', { name: 'set_outputs', codes: [0, 0, 0, 0, 0, 0, 0] }],
  [
    'write_registers.values must be at most 16 bytes',
    { name: 'write_registers', address: 1, register: 1, values: new Uint8Array(17) },
  ],
])('%s', (text, message) => {
  expect(() => encodeMessage(message as Message)).toThrow(
    expect.objectContaining({ code: 'LINK_BAD_FIELD', message: expect.stringContaining(text) }),
  );
});
