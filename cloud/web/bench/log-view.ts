/** The newest entries of a log as a list that scrolls: it follows the end until somebody scrolls up. */

import { type Child, h, setText } from '../dom.ts';
import type { RingLog } from './ring-log.ts';

const SHOWN = 120;
/** Closer to the end than this counts as at the end. */
const END_PX = 24;

export class LogView<T> {
  readonly element: HTMLElement;
  private readonly list = h('ol', { class: 'log' });
  private readonly scroller: HTMLElement;
  private readonly empty: HTMLElement;
  private readonly row: (entry: T) => Child[];
  private log: RingLog<T> | undefined;
  private seen = 0;

  /** @param row the cells of an entry's line */
  constructor(label: string, className: string, empty: string, row: (entry: T) => Child[]) {
    this.row = row;
    this.empty = h('p', { class: 'hint log-empty' }, empty);
    this.scroller = h(
      'div',
      { class: `log-scroll ${className}`, role: 'region', 'aria-label': label, tabindex: 0 },
      this.empty,
      this.list,
    );
    this.element = this.scroller;
  }

  /** Shows another log from its beginning. */
  attach(log: RingLog<T>): void {
    this.log = log;
    this.seen = 0;
    this.list.replaceChildren();
    this.empty.hidden = false;
  }

  say(empty: string): void {
    setText(this.empty, empty);
  }

  /** Appends what came since the last time. */
  refresh(): void {
    const { log, list, scroller } = this;
    if (log === undefined || log.total === this.seen) return;
    const entries = log.since(this.seen).slice(-SHOWN);
    this.seen = log.total;
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_PX;
    this.empty.hidden = true;
    list.append(...entries.map((entry) => h('li', {}, ...this.row(entry))));
    while (list.childElementCount > SHOWN) list.firstElementChild?.remove();
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
  }
}

/** A time of the board, in seconds. */
export function timeCell(seconds: number): HTMLElement {
  return h('span', { class: 'log-time' }, seconds.toFixed(3));
}
