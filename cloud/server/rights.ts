/**
 * What a client may do: filters of topics it may publish to and subscribe to, of probes it may command and serve, of
 * places where it may be and see who is.
 *
 * A filter asked for is allowed when one filter of the scope selects every topic that it selects; a union of several is
 * not worked out, and the cloud's own topics (`$`) are never allowed. Checked when a topic is named, not per message.
 */

import { isReserved } from '../protocol/index.ts';

export const actions = ['publish', 'subscribe', 'command', 'serve', 'presence'] as const;
export type Action = (typeof actions)[number];
/**
 * Filters of topics (publish, subscribe), of probes as `site/probe` (command, serve) and of places (presence: to be there
 * and to know who is); none is allowed where none is named.
 */
export type Scopes = Readonly<Partial<Record<Action, readonly string[]>>>;

export class Rights {
  readonly #scopes: ReadonlyMap<Action, readonly (readonly string[])[]>;
  readonly #unbounded: ReadonlySet<Action>;

  /** @param scopes valid filters */
  constructor(scopes: Scopes) {
    this.#scopes = new Map(
      actions.map((action) => [action, (scopes[action] ?? []).map((filter) => filter.split('/'))] as const),
    );
    this.#unbounded = new Set(actions.filter((action) => scopes[action]?.includes('#')));
  }

  /** @param path a valid topic, filter or probe */
  may(action: Action, path: string): boolean {
    if (isReserved(path)) return false;
    if (this.#unbounded.has(action)) return true;
    const asked = path.split('/');
    return this.#scopes.get(action)!.some((scope) => covers(scope, asked));
  }

  /** Whether everything that `other` allows is allowed here. */
  includes(other: Rights): boolean {
    return actions.every((action) =>
      other.#scopes.get(action)!.every((asked) => this.#scopes.get(action)!.some((scope) => covers(scope, asked))),
    );
  }
}

/** Everything but the cloud's own topics: whoever holds the one token, or reaches a cloud that has none. */
export const allRights = new Rights({
  publish: ['#'],
  subscribe: ['#'],
  command: ['#'],
  serve: ['#'],
  presence: ['#'],
});

/** Whether every topic that `asked` selects is selected by `scope`; both as levels. */
function covers(scope: readonly string[], asked: readonly string[]): boolean {
  for (const [index, level] of scope.entries()) {
    // As in MQTT, `a/#` selects `a` as well.
    if (level === '#') return true;
    const wanted = asked[index];
    if (wanted === undefined || wanted === '#') return false;
    if (level !== '+' && level !== wanted) return false;
  }
  return scope.length === asked.length;
}
