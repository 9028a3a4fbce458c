import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMAND, EVENT, LE_EVENT } from './hci.ts';
import { SUPPORTED_COMMANDS } from './supported.ts';

test('each command that is answered has a bit of its own, except the one that reads the bits', () => {
  const bits = [...SUPPORTED_COMMANDS].reduce((sum, octet) => sum + octet.toString(2).replaceAll('0', '').length, 0);
  expect(bits).toBe(Object.keys(COMMAND).length - 1);
});

test('the table in docs/radio.md has every command and every event', () => {
  const page = readFileSync('docs/radio.md', 'utf8');
  const table = page.slice(page.indexOf('## What a controller answers'), page.indexOf('## What the air models'));
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  const listed = [...table.matchAll(/0x([0-9A-F]{4})\b/g)]
    .map(([, opcode]) => opcode!)
    .filter((opcode) => opcode !== 'FFFF');
  expect(listed.sort()).toEqual(
    Object.values(COMMAND)
      .map((opcode) => hex(opcode, 4))
      .sort(),
  );
  for (const code of Object.values(EVENT)) expect(table).toContain(`(0x${hex(code, 2)}`);
  for (const code of Object.values(LE_EVENT)) expect(table).toContain(`(${hex(code, 2)})`);
});
