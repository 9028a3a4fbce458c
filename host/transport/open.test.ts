import { expect, test } from 'vitest';
import { openTransport, transportForms } from './open.ts';

test.each(['', 'serial', 'serial:', 'usb:1', '/dev/ttyACM0', 'constructor:x', 'toString:x'])(
  '"%s" is refused with the list of what there is',
  async (url) => {
    const error = expect.objectContaining({ code: 'USAGE' });
    await expect(openTransport(url)).rejects.toEqual(error);
    await expect(openTransport(url)).rejects.toThrow(transportForms.join(', '));
  },
);

test('the scheme decides', async () => {
  expect((await openTransport('serial:/dev/ttyACM0?baud=9600')).url).toBe('serial:/dev/ttyACM0?baud=9600');
  expect((await openTransport('emu:ball?seed=2')).url).toBe('emu:ball?seed=2');
  expect((await openTransport('tcp:localhost:4000')).url).toBe('tcp:localhost:4000');
});
