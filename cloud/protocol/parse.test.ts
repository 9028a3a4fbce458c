import { describe, expect, it } from 'vitest';
import { type PresentClient, parseClientMessage, parseServerMessage } from './index.ts';
import type { ClientMessage, Json, ServerMessage } from './messages.ts';

const clientMessages: ClientMessage[] = [
  { op: 'hello' },
  { op: 'hello', publisher: 'gateway-1', token: 'secret' },
  { op: 'subscribe', id: 0, filters: ['home/+/samples'] },
  { op: 'subscribe', id: 0, filters: ['a', 'b/#'], since: { epoch: 'x', offset: 7 } },
  { op: 'subscribe', id: 0, filters: ['#'], maxDelayMs: 50, latest: true },
  { op: 'unsubscribe', id: 2, filters: ['#'] },
  { op: 'publish', topic: 'a/b', data: null },
  { op: 'publish', topic: 'a/b', data: [{ n: 'temp', u: 'Cel', v: 23.1 }], id: 3, seq: 9, retain: true },
  { op: 'serve', id: 4, probes: [] },
  { op: 'serve', id: 4, probes: ['home/ball', 'home/arm'] },
  { op: 'command', id: 5, probe: 'home/ball', command: { name: 'set_color', leds: 3 }, timeoutMs: 1000 },
  { op: 'reply', call: 'x-1', result: { status: 'ok', data: [1, 2], linkMs: 31.5, message: 'fine' } },
  { op: 'ping', id: Number.MAX_SAFE_INTEGER },
  { op: 'will', id: 6, messages: [] },
  {
    op: 'will',
    id: 6,
    messages: [
      { topic: 'a/b', data: null },
      { topic: 'c', data: [1], retain: true },
    ],
    add: true,
  },
  { op: 'bye' },
  { op: 'hello', client: { name: 'lab page', kind: 'page', info: { user: 'Anna' } } },
  { op: 'here', id: 7, at: [] },
  { op: 'here', id: 7, at: ['home', 'home/ball'], info: {} },
  { op: 'presence', id: 8, filter: 'home/#' },
  { op: 'presence', id: 8, filter: '#', follow: false },
];

const here: PresentClient = {
  id: 'x',
  session: 'x-1',
  name: 'lab page',
  since: '2026-11-22T06:00:00.000Z',
  at: ['home'],
};

const serverMessages: ServerMessage[] = [
  { op: 'welcome', server: 'earl/0.1.0', session: 'x', maxMessageBytes: 65536 },
  { op: 'ok', id: 1 },
  { op: 'ok', id: 1, position: { epoch: 'x', offset: 7 }, recovered: false },
  { op: 'error', code: 100, message: 'no' },
  { op: 'error', id: 1, code: 100, message: 'no' },
  { op: 'message', topic: 'a/b', offset: 1, data: { v: 1 } },
  { op: 'message', topic: 'a/b', offset: 1, data: 0, retained: true },
  { op: 'message', topic: 'a/b', offset: 1, data: 'AP8=', encoding: 'base64' },
  { op: 'command', call: 'x-1', probe: 'home/ball', command: { name: 'ping' }, timeoutMs: 5000 },
  { op: 'reply', id: 1, result: { status: 'ok', data: [] } },
  { op: 'pong', id: 1 },
  { op: 'presence', id: 1, clients: [] },
  { op: 'presence', id: 1, clients: [{ ...here, kind: 'page', info: { a: 1 }, unlisted: 7 }], more: true },
  { op: 'presence', id: 1, clients: [{ ...here, publisher: 'p', subject: 'anna' }], truncated: true },
  { op: 'changed', filter: 'home/#', joined: [here], updated: [], left: ['y'] },
  { op: 'changed', filter: 'home/#', joined: [], updated: [here], left: [], truncated: true },
];

describe('parse', () => {
  it.each(clientMessages)('reads back $op of a client', (message) => {
    expect(parseClientMessage(JSON.stringify(message))).toEqual({ ok: true, message });
  });

  it.each(serverMessages)('reads back $op of a server', (message) => {
    expect(parseServerMessage(JSON.stringify(message))).toEqual({ ok: true, message });
  });

  it('drops fields that a message does not have', () => {
    const text = '{"op":"ping","id":1,"extra":true,"__proto__":{"a":1}}';
    expect(parseClientMessage(text)).toEqual({ ok: true, message: { op: 'ping', id: 1 } });
  });

  it.each([
    ['', 100, /not JSON/],
    ['{"op":"ping"', 100, /not JSON/],
    ['[]', 100, /not a JSON object/],
    ['null', 100, /not a JSON object/],
    ['"ping"', 100, /not a JSON object/],
    ['{}', 100, /"op" must be a string/],
    ['{"op":1}', 100, /"op" must be a string/],
    ['{"op":"constructor"}', 100, /no such message/],
    ['{"op":"ping"}', 100, /"id" must be a whole number/],
    ['{"op":"ping","id":-1}', 100, /"id"/],
    ['{"op":"ping","id":1.5}', 100, /"id"/],
    ['{"op":"ping","id":"1"}', 100, /"id"/],
    ['{"op":"ping","id":9007199254740992}', 100, /"id"/],
    ['{"op":"hello","publisher":""}', 100, /"publisher"/],
    ['{"op":"hello","publisher":7}', 100, /"publisher"/],
    [`{"op":"hello","publisher":"${'x'.repeat(129)}"}`, 100, /longer than 128/],
    ['{"op":"hello","publisher":"$will/x"}', 100, /begin with \$/],
    ['{"op":"hello","client":7}', 100, /"client" must be an object/],
    ['{"op":"hello","client":{}}', 100, /"name" must be a string/],
    ['{"op":"hello","client":{"name":"x","info":7}}', 100, /"info" must be an object/],
    ['{"op":"here","id":1,"at":"home"}', 100, /array/],
    ['{"op":"here","id":1,"at":["a/#"]}', 101, /the place must not contain the wildcards/],
    ['{"op":"here","id":1,"at":["$SYS"]}', 101, /the place must not begin with \$/],
    [JSON.stringify({ op: 'here', id: 1, at: ['a'], info: { a: 'x'.repeat(1020) } }), 103, /longer than 1024/],
    ['{"op":"presence","id":1,"filter":"a/#/b"}', 102, /last level/],
    ['{"op":"presence","id":1,"filter":"a","follow":1}', 100, /"follow"/],
    [`{"op":"hello","token":"${'x'.repeat(4097)}"}`, 100, /longer than 4096/],
    ['{"op":"subscribe","id":1}', 100, /"filters" must be an array/],
    ['{"op":"subscribe","id":1,"filter":"a//b"}', 102, /empty level/],
    ['{"op":"publish","topic":"a/+","data":1}', 101, /wildcard/],
    ['{"op":"publish","topic":"a"}', 100, /"data" is missing/],
    ['{"op":"publish","topic":"a","data":1,"retain":"yes"}', 100, /"retain"/],
    ['{"op":"publish","topic":"a","data":1,"seq":1}', 100, /"seq" needs an "id"/],
    [`{"op":"publish","topic":"a","data":${'['.repeat(33)}${']'.repeat(33)}}`, 100, /deeper than 32/],
    [`{"op":"publish","topic":"a","data":${'['.repeat(30000)}${']'.repeat(30000)}}`, 100, /deeper than 32/],
    ['{"op":"will","id":1}', 100, /"messages" must be an array/],
    ['{"op":"will","id":1,"messages":[1]}', 100, /"messages" must hold objects/],
    ['{"op":"will","id":1,"messages":[{"topic":"a"}]}', 100, /"data" is missing/],
    ['{"op":"will","id":1,"messages":[{"topic":"a/#","data":1}]}', 101, /wildcard/],
    [`{"op":"will","id":1,"messages":[${'{},'.repeat(256)}{}]}`, 104, /more than 256/],
    ['{"op":"serve","id":1,"probes":"home/ball"}', 100, /array/],
    ['{"op":"serve","id":1,"probes":[1]}', 100, /strings/],
    ['{"op":"serve","id":1,"probes":["ball"]}', 101, /site\/probe/],
    [JSON.stringify({ op: 'serve', id: 1, probes: Array(257).fill('a/b') }), 104, /more than 256/],
    ['{"op":"command","id":1,"probe":"a/b","command":[]}', 100, /"command" must be an object/],
    ['{"op":"command","id":1,"probe":"a/b","command":{}}', 100, /"name"/],
    ['{"op":"command","id":1,"probe":"a","command":{"name":"ping"}}', 101, /site\/probe/],
    ['{"op":"command","id":1,"probe":"a/b","command":{"name":"ping"},"timeoutMs":0}', 100, /"timeoutMs"/],
    ['{"op":"command","id":1,"probe":"a/b","command":{"name":"ping"},"timeoutMs":60001}', 100, /60000/],
    ['{"op":"reply","call":"x"}', 100, /"result"/],
    ['{"op":"reply","call":"x","result":{"status":"ok"}}', 100, /"result.data"/],
    ['{"op":"reply","call":"x","result":{"status":"ok","data":["1"]}}', 100, /numbers/],
    ['{"op":"reply","call":"x","result":{"status":"ok","data":[],"linkMs":-1}}', 100, /linkMs/],
  ])('refuses %.60s', (text, code, problem) => {
    const parsed = parseClientMessage(text);
    expect(parsed).toMatchObject({ ok: false, code });
    expect(parsed).toHaveProperty('problem', expect.stringMatching(problem));
  });

  it('tells the id of a request that it refuses, when there is a usable one', () => {
    expect(parseClientMessage('{"op":"subscribe","id":7,"filter":""}')).toHaveProperty('id', 7);
    expect(parseClientMessage('{"op":"subscribe","id":-7,"filter":""}')).not.toHaveProperty('id');
  });

  it('survives 20,000 mangled messages: a result each time, and what is accepted is stable', () => {
    const seed = 0x5eed;
    const random = randomFrom(seed);
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      const text = mangle(JSON.stringify(pick(random, clientMessages)), random);
      const parsed = parseClientMessage(text);
      if (!parsed.ok) {
        expect(parsed.problem, `seed ${seed} round ${round}: ${text}`).not.toBe('');
        continue;
      }
      accepted += 1;
      const again = parseClientMessage(JSON.stringify(parsed.message));
      expect(again, `seed ${seed} round ${round}: ${text}`).toEqual(parsed);
    }
    expect(accepted).toBeGreaterThan(1_000);
    expect(accepted).toBeLessThan(19_000);
  });
});

/** Changes, drops, doubles or inserts a piece of the text, or swaps a value of the object for another kind. */
function mangle(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  const length = Math.floor(random() * 8);
  switch (Math.floor(random() * 5)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + text.slice(at, at + length).repeat(2) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 0x10000)) + text.slice(at + 1);
    case 3:
      return (
        text.slice(0, at) +
        pick(random, ['{', '}', '[', ']', '"', '\\', ',', ':', '-', 'e9', '+', '#']) +
        text.slice(at)
      );
    default: {
      const object = JSON.parse(text) as Record<string, Json>;
      const kinds: Json[] = [null, true, -1, 1e308, '', '$', 'a/b', [], {}, [[]], { length: 1 }];
      object[pick(random, Object.keys(object))] = pick(random, kinds);
      return JSON.stringify(object);
    }
  }
}

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)]!;
}

/** A 32-bit linear congruential generator: repeatable, and good enough to mangle text. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
