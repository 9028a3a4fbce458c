import { expect, test } from 'vitest';
import { FlashProgress } from './flash-progress.ts';

function progress(options: { json?: boolean; isTty?: boolean }) {
  let text = '';
  let now = 0;
  const listener = new FlashProgress({
    json: options.json === true,
    isTty: options.isTty === true,
    now: () => now,
    err: (part) => {
      text += part;
    },
    out: (part) => {
      text += `out ${part}`;
    },
  });
  const run = () => {
    listener.onProgress('erase', 16384, 16384);
    listener.onProgress('write', 0, 1000);
    now = 1000;
    listener.onProgress('write', 250, 1000);
    listener.onNotice('look');
    listener.onProgress('verify', 1000, 1000);
    listener.end();
    return text;
  };
  return run();
}

test('off a terminal: a line a stage', () => {
  expect(progress({})).toBe('erasing 16384 bytes\nwriting 1000 bytes\nnote: look\nverifying 1000 bytes\n');
});

test('on a terminal: one line, rewritten, with bytes, percent and time left', () => {
  const text = progress({ isTty: true });
  expect(text).toContain('\rwriting   [######..................] 250 of 1000 bytes, 25 %, 3 s left');
  expect(text).toContain('\nnote: look\n');
  expect(text.endsWith('\n')).toBe(true);
});

test('as JSON', () => {
  const lines = progress({ json: true }).trim().split('\n');
  expect(JSON.parse(lines[2]!.replace('out ', ''))).toEqual({
    kind: 'progress',
    stage: 'write',
    bytes: 250,
    total: 1000,
    percent: 25,
    secondsLeft: 3,
  });
});
