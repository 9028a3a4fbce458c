/** What happened at a probe between its samples: a short list, newest first, read aloud politely as it grows. */

import type { ProbeEventData } from '../protocol/index.ts';
import { h } from './dom.ts';
import { MAX_EVENTS, type Probe } from './fleet.ts';

const SHOWN = 4;

/** A sentence for each event of host/link/messages.ts; others are shown by name. */
export function eventText({ event, value }: ProbeEventData): string {
  switch (event) {
    case 'motion':
      return `Motion, peak ${(value / 1000).toFixed(2)} g`;
    case 'still':
      return 'Still again';
    case 'button_pressed':
      return `Button pressed (${value})`;
    case 'button_released':
      return 'Button released';
    default:
      return value === 0 ? event : `${event} ${value}`;
  }
}

export class EventLog {
  readonly element: HTMLElement;
  private readonly list = h('ol', { class: 'events' });
  private readonly empty = h('p', { class: 'hint' }, 'None yet.');
  private readonly probe: Probe;
  private newest: ProbeEventData | undefined;

  constructor(probe: Probe) {
    this.probe = probe;
    const live = h('div', { role: 'log', 'aria-live': 'polite', 'aria-label': 'Events' }, this.list);
    this.element = h('section', { class: 'block' }, h('h3', {}, 'Events'), this.empty, live);
  }

  paint(): void {
    const { events } = this.probe;
    const [first] = events;
    if (first === undefined || first === this.newest) return;
    const known = this.newest === undefined ? -1 : events.indexOf(this.newest);
    const fresh = events.slice(0, known < 0 ? MAX_EVENTS : known).slice(0, SHOWN);
    this.newest = first;
    this.empty.hidden = true;
    // Only what is new is added, so that only that is announced.
    this.list.prepend(...fresh.map((event) => this.item(event)));
    while (this.list.children.length > SHOWN) this.list.lastElementChild?.remove();
  }

  private item(event: ProbeEventData): HTMLElement {
    const time = new Date((event.time + this.probe.offset.seconds) * 1000);
    const clock = h('time', { datetime: time.toISOString() }, time.toLocaleTimeString([], { hour12: false }));
    return h('li', {}, clock, h('span', {}, eventText(event)));
  }
}
