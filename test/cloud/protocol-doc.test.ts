/** docs/protocol.md against the code: its examples, messages, codes, records, topics and limits. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  closeCodes,
  errorCodes,
  limits,
  parseClientMessage,
  parseServerMessage,
  recordKinds,
} from '../../cloud/protocol/index.ts';
import { defaultServerLimits } from '../../cloud/server/options.ts';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'docs/protocol.md'), 'utf8');
const blocks = [...text.matchAll(/```(json|console)\n(.*?)```/gs)];
const lines = blocks.flatMap(([, , body]) => body!.split('\n'));
const examples = lines.map((line) => line.replace(/^[<>] /, '')).filter((line) => line.startsWith('{"op"'));

/** The one example that shows a mistake. */
const refused = '{"op":"subscribe","id":6,"filter":"home/#/status"}';

/** A message as it is read: `filter` is short for `filters` of one. */
function withFilters({ filter, ...message }: { op: string; filter?: string }): object {
  const isShort = filter !== undefined && ['subscribe', 'unsubscribe'].includes(message.op);
  return isShort ? { ...message, filters: [filter] } : { ...message, ...(filter === undefined ? {} : { filter }) };
}

describe('docs/protocol.md', () => {
  it.each(examples)('%s', (example) => {
    const parsed = [parseClientMessage(example), parseServerMessage(example)].filter(({ ok }) => ok);
    if (example === refused)
      expect(parseClientMessage(example)).toMatchObject({ ok: false, code: errorCodes.badFilter });
    else expect(parsed).toContainEqual({ ok: true, message: withFilters(JSON.parse(example)) });
  });

  it.each(['ClientMessage', 'ServerMessage'])('shows every message of %s', (type) => {
    const parse = type === 'ClientMessage' ? parseClientMessage : parseServerMessage;
    const ofSide = examples.filter((example) => parse(example).ok);
    expect([...new Set(ofSide.map(opOf))].sort()).toEqual(opsOf(type));
  });

  it('explains every message of a client, and no other', () => {
    const explained = [...text.matchAll(/\*\*`([a-z]+)`\*\*/g)].map(([, op]) => op!);
    const answers = ['changed'];
    expect([...new Set(explained)].sort()).toEqual([...opsOf('ClientMessage'), ...answers].sort());
  });

  it('lists every error and close code with what it means, and no other', () => {
    const errors = Object.entries(errorCodes).map(([name, code]) => `${code} ${name}`);
    const shown = [...text.matchAll(/^\| (\d{3}) \| (\w+) \| \S/gm)].map(([, code, name]) => `${code} ${name}`);
    expect(shown).toEqual(errors.sort());
    // Those of RFC 6455 that frames and MQTT make.
    const ofFrames = [1002, 1007, 1008, 1009, 1011];
    const closes = [...text.matchAll(/^\| (\d{4}) \| \S/gm)].map(([, code]) => Number(code));
    expect(closes).toEqual([...Object.values(closeCodes), ...ofFrames].sort((a, b) => a - b));
  });

  it('puts codes into ranges that say whether to try again', () => {
    const later: readonly number[] = [errorCodes.noSuchProbe, errorCodes.timeout, errorCodes.overloaded];
    for (const code of Object.values(errorCodes)) expect(code >= 200, String(code)).toBe(later.includes(code));
    const final: readonly number[] = [closeCodes.badMessage, closeCodes.unauthorized, closeCodes.tokenExpired];
    for (const code of Object.values(closeCodes).filter((close) => close >= 4000)) {
      expect(code < 4100, String(code)).toBe(final.includes(code));
    }
  });

  it('lists every kind of record of earl.v1', () => {
    const kinds = [...text.matchAll(/^\| ([a-z ]+) \| `([02])(\d)` \|/gm)].map(([, name, flag, kind]) => {
      // With the flag for a sequence number a publish is an acknowledged one.
      expect(flag === '2').toBe(name === 'acknowledged publish');
      return [name!.replace('acknowledged ', ''), Number(kind)];
    });
    expect(Object.fromEntries(kinds)).toEqual(recordKinds);
  });

  it('lists every topic of the cloud’s own', () => {
    const folder = join(root, 'cloud/server');
    const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
    const used = sources.flatMap((name) => {
      const code = readFileSync(join(folder, name), 'utf8').replace(/^\s*(\*|\/).*$/gm, '');
      return [...code.matchAll(/['`](\$[a-z]+)['`/]/g)].map(([, topic]) => topic!);
    });
    const shown = [...text.matchAll(/^\| (`\$.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`(\$[a-z]+)/g)].map(([, topic]) => topic!),
    );
    expect([...new Set(shown)].sort()).toEqual([...new Set(used)].sort());
  });

  it.each([
    ['longest message', limits.messageBytes / 1024, /longer than (\d+) KiB \|/],
    ['filters', limits.filters, /an array of at most ([\d,]+)\./],
    ['probes in serve', limits.servedProbes, /for these probes" \(at most ([\d,]+)\)/],
    ['messages of a will', limits.willMessages, /A will may have ([\d,]+) messages/],
    ['bytes of a will', defaultServerLimits.willBytes / 1024, /messages and (\d+) KiB/],
    ['places', limits.places, /up to ([\d,]+) places/],
    ['listed places', limits.listedPlaces, /selects, ([\d,]+) at most/],
    ['characters of a name', limits.clientNameLength, /a `name` of\s+1 to ([\d,]+) characters/],
    ['characters of info', limits.clientInfoLength, /at most ([\d,]+) characters of JSON/],
    ['clients', limits.presentClients, /At most ([\d,]+) clients are listed/],
    ['followed filters', defaultServerLimits.followedFilters, /A connection follows ([\d,]+) filters/],
    ['filters of a server', defaultServerLimits.presenceFilters, /a server ([\d,]+) different ones/],
    ['ms of gathering', defaultServerLimits.presenceDelayMs, /gathered for ([\d,]+) ms/],
    ['publisher', limits.publisherLength, /`publisher` \(1 to ([\d,]+) characters/],
    ['numbered topics', defaultServerLimits.publishedTopics, /on this connection; at most ([\d,]+)/],
    ['waiting commands', defaultServerLimits.pendingCommands, /this connection waits for ([\d,]+) results/],
    ['held commands', defaultServerLimits.servedCommands, /the gateway holds ([\d,]+) commands/],
    ['resumed messages', defaultServerLimits.resumedMessages, /brings at most ([\d,]+) messages/],
    ['MiB of wills', defaultServerLimits.allWillsBytes / 1024 / 1024, /may have ([\d,]+) MiB; beyond,\s+`error` 202/],
    ['seconds to hello', defaultServerLimits.helloTimeoutMs / 1000, /comes first and once, within (\d+) s/],
    ['seconds between signs of life', defaultServerLimits.serverBeatMs / 1000, /each server, every (\d+) s/],
  ])('says the limit of the code: %s', (_, value, says) => {
    const [, said] = says.exec(text) ?? [];
    expect(Number(said?.replace(',', ''))).toBe(value);
  });
});

function opOf(example: string): string {
  return (JSON.parse(example) as { op: string }).op;
}

/** The messages of a type in messages.ts. */
function opsOf(type: string): string[] {
  const source = readFileSync(join(root, 'cloud/protocol/messages.ts'), 'utf8');
  const from = source.indexOf(`export type ${type} =`);
  const end = /;\n\n/.exec(source.slice(from))!.index;
  const ops = [...source.slice(from, from + end).matchAll(/\bop: '(\w+)'/g)].map(([, op]) => op!);
  return [...new Set(ops)].sort();
}
