import { describe, expect, it } from 'vitest';
import { choiceError, obstacle } from './support.ts';

const bluetooth = (available: () => Promise<boolean>) =>
  ({ getAvailability: available }) as unknown as Pick<Bluetooth, 'requestDevice' | 'getAvailability'>;

describe('obstacle', () => {
  it('names an insecure page before a missing interface, for that is why it is missing', async () => {
    expect(await obstacle({ isSecureContext: false, navigator: {} })).toMatchObject({
      final: true,
      text: expect.stringContaining('https'),
    });
    expect(await obstacle({ isSecureContext: true, navigator: {} })).toMatchObject({
      final: true,
      text: expect.stringContaining('no Web Bluetooth'),
    });
  });

  it('is none where there is an adapter, or where the browser does not say', async () => {
    const surroundings = (available: () => Promise<boolean>) => ({
      isSecureContext: true,
      navigator: { bluetooth: bluetooth(available) },
    });
    expect(await obstacle(surroundings(async () => true))).toBeUndefined();
    expect(await obstacle(surroundings(() => Promise.reject(new Error('not here'))))).toBeUndefined();
    expect(await obstacle(surroundings(async () => false))).toMatchObject({ final: false });
  });
});

describe('choiceError', () => {
  it.each([
    ['NotFoundError', 'User cancelled the requestDevice() chooser.', ''],
    ['NotFoundError', 'No Bluetooth devices found.', 'No probe was found: No Bluetooth devices found.'],
    ['SecurityError', 'Must be handling a user gesture', 'The browser does not allow Bluetooth here: Must be'],
    ['NetworkError', 'GATT Error', 'Bluetooth failed: GATT Error'],
  ])('%s: %s', (name, message, words) => {
    const text = choiceError(Object.assign(new Error(message), { name }));
    expect(words === '' ? text : text.startsWith(words)).toBe(words === '' ? '' : true);
  });
});
