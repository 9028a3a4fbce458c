import { describe, expect, it } from 'vitest';
import { matches } from '../protocol/index.ts';
import { allRights, Rights } from './rights.ts';

const may = (scope: string, asked: string) => new Rights({ subscribe: [scope] }).may('subscribe', asked);

describe('Rights', () => {
  it.each([
    ['home/#', 'home/#'],
    ['home/#', 'home'],
    ['home/#', 'home/+'],
    ['home/#', 'home/+/samples'],
    ['home/+/samples', 'home/1/samples'],
    ['home/+/samples', 'home/+/samples'],
    ['home/+/#', 'home/+'],
    ['#', '+/x'],
    ['+/#', 'a/#'],
  ])('of %s include %s', (scope, asked) => {
    expect(may(scope, asked)).toBe(true);
  });

  it.each([
    ['home/#', '#'],
    ['home/#', '+/x'],
    ['home/#', '+/#'],
    ['home/#', 'home2/x'],
    ['home/#', 'Home/x'],
    ['home/+/samples', 'home/#'],
    ['home/+/samples', 'home/+/+'],
    ['home/+/samples', 'home/1'],
    ['home/+/samples', 'home/1/samples/x'],
    ['home/+', 'home'],
    ['home/+', 'home/#'],
    ['home/1', 'home/+'],
    ['#', '$serve/#'],
    ['$serve/#', '$serve/#'],
    ['+/#', '$call/x'],
  ])('of %s do not include %s', (scope, asked) => {
    expect(may(scope, asked)).toBe(false);
  });

  it('are one action each', () => {
    const rights = new Rights({ publish: ['home/#'] });
    expect(rights.may('publish', 'home/1/samples')).toBe(true);
    for (const action of ['subscribe', 'command', 'serve'] as const) expect(rights.may(action, 'home/1')).toBe(false);
  });

  it('can be compared', () => {
    const site = new Rights({ publish: ['home/#'], serve: ['home/+'] });
    const probe = new Rights({ publish: ['home/1/#'], serve: ['home/1'] });
    expect(site.includes(probe)).toBe(true);
    expect(probe.includes(site)).toBe(false);
    expect(site.includes(new Rights({}))).toBe(true);
    expect(site.includes(new Rights({ publish: ['home/#'], command: ['home/1'] }))).toBe(false);
    expect(allRights.includes(site)).toBe(true);
  });

  it('never include a filter that selects a topic outside: all filters of up to three levels', () => {
    const levels = ['a', 'b', '+', '#'];
    const filters = levels.flatMap((x) => [
      x,
      ...levels.flatMap((y) => [`${x}/${y}`, ...levels.map((z) => `${x}/${y}/${z}`)]),
    ]);
    const valid = filters.filter((filter) => !/#\//.test(filter));
    const plain = ['a', 'b', 'c'];
    const topics = plain.flatMap((x) => [
      x,
      ...plain.flatMap((y) => [`${x}/${y}`, ...plain.flatMap((z) => [`${x}/${y}/${z}`, `${x}/${y}/${z}/c`])]),
    ]);
    let allowed = 0;
    for (const scope of valid) {
      for (const asked of valid) {
        if (!may(scope, asked)) continue;
        allowed += 1;
        const outside = topics.filter((topic) => matches(asked, topic) && !matches(scope, topic));
        expect(outside, `${scope} let ${asked} in`).toEqual([]);
      }
    }
    expect(allowed).toBeGreaterThan(valid.length);
  });
});
