/**
 * Who else is here: a few words in the head of the page, and this page's own place for others (docs/protocol.md,
 * "presence"). A token that does not allow it leaves the words away.
 */

import type { CloudClient, Presence } from '../client/client.ts';
import { setText } from './dom.ts';

/** Places that a page can say it is at. */
const MOST_SITES = 16;
const MOST_NAMES = 20;

export class Company {
  private readonly client: CloudClient;
  private readonly element: HTMLElement;
  private sites = '';

  constructor(client: CloudClient, element: HTMLElement) {
    this.client = client;
    this.element = element;
  }

  start(): void {
    this.client.onPresence('#', (presence) => this.show(presence)).catch(() => {});
  }

  /** The page shows probes of these sites. */
  at(sites: ReadonlySet<string>): void {
    const shown = [...sites].sort().slice(0, MOST_SITES);
    if (shown.join() === this.sites) return;
    this.sites = shown.join();
    this.client.here(shown).catch(() => {});
  }

  private show({ clients, truncated }: Presence): void {
    const gateways = clients.filter(({ kind }) => kind === 'gateway').length;
    const pages = clients.filter(({ kind }) => kind === 'page').length;
    const others = clients.length - gateways - pages;
    const parts = [counted(gateways, 'gateway'), counted(pages, 'page'), counted(others, 'other')].filter(Boolean);
    setText(this.element, parts.length === 0 ? '' : `${parts.join(', ')}${truncated ? ' and more' : ''} here`);
    const names = clients.map(({ name, at }) => `${name}: ${at.join(', ')}`);
    const rest = names.length > MOST_NAMES || truncated ? '\n…' : '';
    this.element.title = names.slice(0, MOST_NAMES).join('\n') + rest;
  }
}

function counted(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
