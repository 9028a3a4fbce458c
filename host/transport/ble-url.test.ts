import { expect, test } from 'vitest';
import { parseBleUrl } from './ble-url.ts';

const defaults = { baud: 9600, scanAll: false };

test.each([
  ['ble:Earl44556677', { name: 'Earl44556677' }],
  ['ble:AA:BB:CC:DD:EE:0F', { address: 'aa:bb:cc:dd:ee:0f' }],
  ['ble:aa-bb-cc-dd-ee-0f', { address: 'aa:bb:cc:dd:ee:0f' }],
  ['ble:0123456789ABCDEF0123456789ABCDEF', { address: '0123456789abcdef0123456789abcdef' }],
  ['ble:my%20probe%3F', { name: 'my probe?' }],
  ['ble:x?adapter=hci1', { name: 'x', adapter: 'hci1' }],
  ['ble:x?adapter=air:127.0.0.1:7433', { name: 'x', adapter: 'air:127.0.0.1:7433' }],
  ['ble:x?adapter=uart:/dev/ttyACM0%3Fbaud=1000000', { name: 'x', adapter: 'uart:/dev/ttyACM0?baud=1000000' }],
  ['ble:x?baud=115200&interval=7.5&scan=all', { name: 'x', baud: 115_200, intervalMs: 7.5, scanAll: true }],
])('%s', (url, expected) => {
  expect(parseBleUrl(url)).toEqual({ ...defaults, ...expected });
});

test.each([
  ['ble:?adapter=hci0', 'the name is missing'],
  ['ble:%', '%25'],
  ['ble:x?speed=1', '"speed"'],
  ['ble:x?baud=', 'baud must be'],
  ['ble:x?interval=5', '7.5 to 4000'],
  ['ble:x?scan=some', 'scan'],
])('%s is refused', (url, why) => {
  expect(() => parseBleUrl(url)).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(why) }),
  );
});
