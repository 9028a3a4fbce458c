import { describe, expect, it } from 'vitest';
import { News } from './news.ts';
import type { ProbeState, StateName } from './probe-state.ts';

function states(names: Record<string, StateName>, detail = '') {
  const entries = Object.entries(names).map(([title, name]) => {
    const state: ProbeState = { name, detail };
    return [title, { title, state }] as const;
  });
  return new Map(entries);
}

describe('News', () => {
  it('tells what changed, once, and not how it began', () => {
    const news = new News();
    expect(news.tell(states({ 'Ball 0001': 'quiet' }))).toBe('');
    expect(news.tell(states({ 'Ball 0001': 'online' }))).toBe('Ball 0001: online.');
    expect(news.tell(states({ 'Ball 0001': 'online' }))).toBe('');
    const lost = states({ 'Ball 0001': 'offline' }, 'the cable was pulled');
    expect(news.tell(lost)).toBe('Ball 0001: offline, the cable was pulled.');
  });

  it('leaves a lost connection to the banner', () => {
    const news = new News();
    for (const name of ['online', 'unknown', 'online'] as const) expect(news.tell(states({ a: name }))).toBe('');
  });

  it('sums up a crowd and forgets who is gone', () => {
    const news = new News();
    news.tell(states({ a: 'online', b: 'online', c: 'online', d: 'online' }));
    const all = states({ a: 'quiet', b: 'quiet', c: 'quiet', d: 'quiet' });
    expect(news.tell(all)).toBe('4 probes changed their state.');
    news.tell(new Map());
    expect(news.tell(states({ a: 'online' }))).toBe('');
  });
});
