import { describe, expect, it } from 'vitest';
import { filterProblem, matches, probeProblem, topicProblem } from './topics.ts';

describe('topicProblem', () => {
  it.each(['a', 'home/ball/samples', 'übung/1', '$serve/x', 'a b/c', 'x'.repeat(256), `${'a/'.repeat(15)}a`])(
    'accepts %s',
    (topic) => expect(topicProblem(topic)).toBeUndefined(),
  );

  it.each([
    ['', /empty/],
    ['/a', /empty level/],
    ['a/', /empty level/],
    ['a//b', /empty level/],
    ['a/+', /wildcard/],
    ['a/#', /wildcard/],
    ['a+b', /wildcard/],
    ['a#', /wildcard/],
    ['a\0b', /control/],
    ['a\nb', /control/],
    ['a\u0085b', /control/],
    ['a\ud800b', /control/],
    ['x'.repeat(257), /longer than 256/],
    [`${'a/'.repeat(16)}a`, /more than 16 levels/],
  ])('refuses %j', (topic, problem) => expect(topicProblem(topic)).toMatch(problem));
});

describe('filterProblem', () => {
  it.each(['a', '+', '#', 'a/#', '+/+/#', 'a/+/c', '$sys/#'])('accepts %s', (filter) =>
    expect(filterProblem(filter)).toBeUndefined(),
  );

  it.each([
    ['', /empty/],
    ['a//b', /empty level/],
    ['a+/b', /alone/],
    ['a/b#', /alone/],
    ['#/a', /last level/],
    ['a/#/b', /last level/],
    ['++', /alone/],
    ['##', /alone/],
  ])('refuses %j', (filter, problem) => expect(filterProblem(filter)).toMatch(problem));
});

describe('probeProblem', () => {
  it('accepts site/probe only', () => {
    expect(probeProblem('home/ball')).toBeUndefined();
    expect(probeProblem('ball')).toMatch(/site\/probe/);
    expect(probeProblem('home/ball/x')).toMatch(/site\/probe/);
    expect(probeProblem('home/+')).toMatch(/wildcard/);
    expect(probeProblem('$call/x')).toMatch(/\$/);
  });
});

describe('matches', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/b', 'a', false],
    ['a', 'a/b', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/b/c', false],
    ['+', 'a', true],
    ['+/b', 'a/b', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c/d', true],
    ['a/#', 'ab', false],
    ['#', 'a/b', true],
    ['a/+/#', 'a', false],
    ['a/+/#', 'a/b', true],
    ['#', '$a/b', false],
    ['+/b', '$a/b', false],
    ['$a/+', '$a/b', true],
    ['a/+', 'a/$b', true],
  ])('%s and %s: %s', (filter, topic, expected) => expect(matches(filter, topic)).toBe(expected));
});
