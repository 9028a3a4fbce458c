/**
 * Says aloud that a probe went quiet, was lost or came back: a state that is only drawn is no news to those who listen
 * (WCAG 2.2, criterion 4.1.3). What the connection banner says already is left out, and a crowd is summed up.
 */

import { type ProbeState, stateNames } from './probe-state.ts';

const MOST_SENTENCES = 3;

export class News {
  private readonly last = new Map<string, ProbeState>();

  /** What changed since the last call, for a live region; empty when nothing did. */
  tell(states: ReadonlyMap<string, { readonly title: string; readonly state: ProbeState }>): string {
    const sentences: string[] = [];
    for (const [key, { title, state }] of states) {
      // An unknown state is the page's own lack of a connection; afterwards the probe is compared with what it was.
      if (state.name === 'unknown') continue;
      const before = this.last.get(key);
      this.last.set(key, state);
      if (before === undefined || before.name === state.name) continue;
      const why = state.name === 'offline' && state.detail !== '' ? `, ${state.detail}` : '';
      sentences.push(`${title}: ${stateNames[state.name].toLowerCase()}${why}.`);
    }
    for (const key of this.last.keys()) if (!states.has(key)) this.last.delete(key);
    return sentences.length > MOST_SENTENCES ? `${sentences.length} probes changed their state.` : sentences.join(' ');
  }
}
