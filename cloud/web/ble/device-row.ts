/** One device in the page's list: its name, how it stands with it, whether it proved who it is, and what can be done. */

import { errorMessage } from '../../../errors/index.ts';
import { parseKey } from '../../../host/link/index.ts';
import { h, icon, setIcon, setText } from '../dom.ts';
import { button, field } from '../form.ts';
import type { DirectProbe, DirectState } from './direct-probe.ts';

const icons = { connecting: 'unknown', connected: 'online', lost: 'quiet', ended: 'offline' } as const;

export class DeviceRow {
  readonly element: HTMLElement;
  private readonly probe: DirectProbe;
  private readonly icon = icon('unknown');
  private readonly text = h('span', { role: 'status' });
  private readonly identity = h('p', { class: 'hint' });
  private readonly toggle: HTMLButtonElement;
  private readonly key = h('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', maxlength: 32 });
  private readonly outcome = h('output', { class: 'outcome' });

  constructor(probe: DirectProbe) {
    this.probe = probe;
    this.toggle = button('Connect', '', () => (probe.state.name === 'ended' ? probe.start() : probe.end()));
    const keyForm = h(
      'form',
      { class: 'row inline' },
      field('Key', this.key),
      h('button', { 'aria-label': `Ask ${probe.name} to prove that it has this key` }, 'Ask for proof'),
      this.outcome,
    );
    keyForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask();
    });
    this.element = h(
      'li',
      { class: 'card device' },
      h(
        'div',
        { class: 'card-head' },
        h('div', { class: 'names' }, h('h2', {}, probe.name), h('p', { class: 'state' }, this.icon, this.text)),
        this.toggle,
      ),
      this.identity,
      h(
        'details',
        {},
        h('summary', {}, 'Check who it is'),
        h('p', { class: 'hint' }, 'With the key that the probe was given when it was flashed: 32 hex digits, as in '),
        keyForm,
      ),
    );
    this.element
      .querySelector('details .hint')!
      .append(h('code', {}, 'earl probes export'), '. It stays in this page.');
    this.refresh();
  }

  refresh(): void {
    const { state, identity, name } = this.probe;
    this.element.dataset.state = state.name;
    setIcon(this.icon, icons[state.name]);
    setText(this.text, words(state));
    setText(this.identity, identity);
    this.identity.hidden = identity === '';
    const ended = state.name === 'ended';
    setText(this.toggle, ended ? 'Connect' : 'Disconnect');
    this.toggle.setAttribute('aria-label', `${ended ? 'Connect' : 'Disconnect'} ${name}`);
  }

  private ask(): void {
    const text = this.key.value.trim();
    this.outcome.dataset.kind = '';
    setText(this.outcome, '');
    try {
      this.probe.demand(text === '' ? undefined : parseKey(text));
    } catch (error) {
      this.outcome.dataset.kind = 'failed';
      setText(this.outcome, `Not asked: ${errorMessage(error)}`);
    }
    this.refresh();
  }
}

function words(state: DirectState): string {
  switch (state.name) {
    case 'connecting':
      return 'Connecting';
    case 'connected':
      return `Connected, ${state.bridge}`;
    case 'lost':
      return `Lost: ${state.reason}. Trying again in ${Math.round(state.retryMs / 1000)} s`;
    case 'ended':
      return 'Not connected';
  }
}
