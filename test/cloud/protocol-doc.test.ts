/** The examples of docs/protocol.md are messages that the parser takes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeCodes, errorCodes, parseClientMessage, parseServerMessage } from '../../cloud/protocol/index.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/protocol.md'), 'utf8');
const blocks = [...text.matchAll(/```(json|console)\n(.*?)```/gs)];
const lines = blocks.flatMap(([, , body]) => body!.split('\n'));
const examples = lines.map((line) => line.replace(/^[<>] /, '')).filter((line) => line.startsWith('{"op"'));

/** The one example that shows a mistake. */
const refused = '{"op":"subscribe","id":6,"filter":"home/#/status"}';

/** A message as it is read: `filter` is short for `filters` of one. */
function withFilters({ filter, ...message }: { filter?: string }): object {
  return filter === undefined ? message : { ...message, filters: [filter] };
}

describe('docs/protocol.md', () => {
  it.each(examples)('%s', (example) => {
    const parsed = [parseClientMessage(example), parseServerMessage(example)].filter(({ ok }) => ok);
    if (example === refused)
      expect(parseClientMessage(example)).toMatchObject({ ok: false, code: errorCodes.badFilter });
    else expect(parsed).toContainEqual({ ok: true, message: withFilters(JSON.parse(example)) });
  });

  it('shows every message and lists every code', () => {
    const ops = new Set(examples.map((example) => (JSON.parse(example) as { op: string }).op));
    const shown =
      'bye command error expiring hello message ok ping pong publish refresh reply serve subscribe unsubscribe welcome will'.split(
        ' ',
      );
    expect([...ops].sort()).toEqual(shown);
    for (const code of [...Object.values(errorCodes), ...Object.values(closeCodes)]) {
      expect(text).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
    }
  });
});
