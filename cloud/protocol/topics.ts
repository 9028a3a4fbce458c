/**
 * Topics and filters: levels between slashes, `+` for one level, a last `#` for the rest.
 *
 * The rules are those of MQTT 5.0, section 4.7, with three differences: a level may not be empty, control characters
 * are refused, and topics whose first level begins with `$` belong to the server. As there, `site/#` matches `site`
 * itself, and a wildcard in the first level does not match a `$` topic.
 */

import { limits } from './limits.ts';

/** Why this is not a topic that one may publish to, or undefined when it is. */
export function topicProblem(topic: string): string | undefined {
  const problem = pathProblem(topic);
  if (problem !== undefined) return `the topic ${problem}`;
  if (topic.includes('+') || topic.includes('#')) return 'the topic must not contain the wildcards + and #';
  return undefined;
}

/** Why this is not a filter that one may subscribe to, or undefined when it is. */
export function filterProblem(filter: string): string | undefined {
  const problem = pathProblem(filter);
  if (problem !== undefined) return `the filter ${problem}`;
  const levels = filter.split('/');
  for (const [index, level] of levels.entries()) {
    if (level.includes('+') && level !== '+') return 'the wildcard + must stand alone in its level';
    if (level.includes('#') && level !== '#') return 'the wildcard # must stand alone in its level';
    if (level === '#' && index !== levels.length - 1) return 'the wildcard # must be the last level';
  }
  return undefined;
}

/** Why this does not name a probe (`site/probe`), or undefined when it does. */
export function probeProblem(probe: string): string | undefined {
  const problem = topicProblem(probe);
  if (problem !== undefined) return problem.replace('the topic', 'the probe');
  if (isReserved(probe)) return 'the probe must not begin with $';
  return probe.split('/').length === 2 ? undefined : 'the probe must be named as site/probe';
}

/** True for topics and filters of the server's own, which clients may neither publish nor subscribe to. */
export function isReserved(path: string): boolean {
  return path.startsWith('$');
}

/** Whether a valid filter selects a valid topic. */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (isReserved(topic) && isWildcard(wanted[0])) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

/** Whether a level of a filter is one of the two wildcards. */
export function isWildcard(level: string | undefined): boolean {
  return level === '+' || level === '#';
}

function pathProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path.length > limits.topicLength) return `must not be longer than ${limits.topicLength} characters`;
  if (hasControlCharacter(path)) return 'must not contain control characters';
  const levels = path.split('/');
  if (levels.length > limits.topicLevels) return `must not have more than ${limits.topicLevels} levels`;
  if (levels.includes('')) return 'must not have an empty level: no slash at the ends, no two in a row';
  return undefined;
}

/** Control characters, and lone surrogates, which do not survive UTF-8. */
function hasControlCharacter(path: string): boolean {
  for (const character of path) {
    const code = character.codePointAt(0)!;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code <= 0xdfff)) return true;
  }
  return false;
}
