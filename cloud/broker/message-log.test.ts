/** The log of a history against a plain list, over random topics, lengths and losses. */
import { expect, it } from 'vitest';
import { BrokerMessage } from './message.ts';
import { Chain, MessageLog } from './message-log.ts';

/** Numerical Recipes' generator, so that a failure can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

it.each([1, 2, 3])('holds what was appended and not dropped, whatever goes (seed %i)', (seed) => {
  const random = randomFrom(seed);
  const log = new MessageLog<Chain>();
  const chains = Array.from({ length: 50 }, (_, index) => new Chain(`t/${index}`));
  const expected = new Map(chains.map((chain) => [chain, [] as { offset: number; payload: Buffer }[]]));
  const check = () => {
    for (const [chain, messages] of expected) {
      const after = messages[messages.length >> 1]?.offset ?? 0;
      const held = [...log.after(chain, after)].map(({ topic, offset, payload }) => ({ topic, offset, payload }));
      const { topic } = chain;
      expect(held).toEqual(messages.filter(({ offset }) => offset > after).map((one) => ({ topic, ...one })));
    }
  };
  for (let offset = 1; offset <= 6_000; offset++) {
    const chain = chains[random(random(5) === 0 ? chains.length : 3)]!;
    const payload = Buffer.alloc(random(20) === 0 ? random(40_000) : random(200), offset);
    log.append(chain, new BrokerMessage(chain.topic, payload, offset, false));
    expected.get(chain)!.push({ offset, payload });
    // Busy topics keep few, so that what is old and quiet stays between holes.
    while (chain.length > 20) {
      const dropped = expected.get(chain)!.shift()!;
      expect(log.firstLength(chain)).toBe(dropped.payload.length);
      expect(log.dropFirst(chain)).toBe(dropped.offset);
    }
    if (offset % 3_000 === 0) check();
  }
  const all = [...expected.values()].flat();
  expect(log.messages).toBe(all.length);
  for (let left = all.length; left > 0; left--) {
    const chain = log.oldest!;
    const messages = expected.get(chain)!;
    expect(messages[0]!.offset).toBe(Math.min(...[...expected.values()].map((one) => one[0]?.offset ?? Infinity)));
    expect(log.dropFirst(chain)).toBe(messages.shift()!.offset);
  }
  expect([log.messages, log.oldest, log.heldBytes <= 2 * 1024 * 1024]).toEqual([0, undefined, true]);
});

it('holds at most twice the bytes that are left, and some', () => {
  const log = new MessageLog<Chain>();
  const [busy, quiet] = [new Chain('busy'), new Chain('quiet')];
  for (let offset = 1; offset <= 50_000; offset++) {
    // One quiet message in each block would hold all blocks.
    const chain = offset % 200 === 0 ? quiet : busy;
    log.append(chain, new BrokerMessage(chain.topic, Buffer.alloc(1000), offset, false));
    if (busy.length > 10) log.dropFirst(busy);
  }
  expect(log.messages).toBe(260);
  expect(log.heldBytes).toBeLessThan(2 * 260 * 1024 + 5 * 256 * 1024);
});

it('takes over a payload that lies among bytes which change, and gives it headroom once', () => {
  const log = new MessageLog<Chain>();
  const chain = new Chain('a');
  const bytes = Buffer.from('..payload..');
  const message = BrokerMessage.within('a', bytes, 2, 9, 1);
  log.append(chain, message);
  bytes.fill(0);
  const headroom = message.takeHeadroom();
  expect(headroom).toBeGreaterThanOrEqual(20);
  message.bytes.fill(1, message.start - headroom, message.start);
  expect([message.takeHeadroom(), message.payload.toString()]).toEqual([0, 'payload']);
  expect([...log.after(chain, 0)].map(({ payload }) => payload.toString())).toEqual(['payload']);
});
