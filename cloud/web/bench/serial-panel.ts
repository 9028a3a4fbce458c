/** The serial line: link messages and bytes of both directions, commands, and bytes by hand. */

import { errorMessage } from '../../../errors/index.ts';
import { h, setText } from '../dom.ts';
import { button, Choices, field } from '../form.ts';
import { CommandForm } from './command-form.ts';
import type { Direction, MessageLine, WireLine } from './link-console.ts';
import { LogView, timeCell } from './log-view.ts';
import type { Machine } from './machine.ts';
import { hexBytes, parseBytes } from './message-text.ts';

const baudRates = [1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200];
const stateTexts = {
  detached: 'no link message yet',
  greeting: 'greeting the probe',
  online: 'link established',
  quiet: 'the probe is quiet',
  quarantined: 'the probe is not let in',
} as const;

export class SerialPanel {
  readonly element: HTMLElement;
  private readonly messages = new LogView<MessageLine>(
    'Link messages',
    'messages',
    'No link message yet.',
    ({ t, direction, name, text }) => [
      timeCell(t),
      arrow(direction),
      h('span', { class: 'log-text' }, h('b', {}, name), ` ${text}`),
    ],
  );
  private readonly wire = new LogView<WireLine>('Bytes', 'wire', 'No byte yet.', ({ t, direction, bytes }) => [
    timeCell(t),
    arrow(direction),
    h('span', { class: 'log-hex' }, hexBytes(bytes)),
    h('span', { class: 'log-ascii' }, bytes.map(printable).join('')),
  ]);
  private readonly form = new CommandForm();
  private readonly state = h('span', { class: 'hint' });
  private readonly baud: HTMLSelectElement;
  private readonly raw = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', size: 24 });
  private readonly rawOutcome = h('output', { class: 'outcome' });
  private readonly rawKind = new Choices(
    'As',
    [
      { value: 'text', label: 'Text' },
      { value: 'hex', label: 'Hex' },
    ],
    'text',
    () => {},
  );
  private machine: Machine | undefined;

  constructor() {
    const rates = baudRates.map((rate) => h('option', { value: rate, selected: rate === 9600 }, String(rate)));
    this.baud = h('select', { autocomplete: 'off' }, ...rates);
    this.baud.addEventListener('change', () => this.applyBaud());
    this.raw.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.sendRaw();
    });
    this.element = h('div', {}, ...this.parts());
  }

  attach(machine: Machine): void {
    this.machine = machine;
    this.messages.attach(machine.link.messages);
    this.wire.attach(machine.link.wire);
    this.form.attach(machine);
    this.applyBaud();
    setText(this.rawOutcome, '');
  }

  refresh({ link, board }: Machine): void {
    link.flush();
    this.messages.refresh();
    this.wire.refresh();
    const errors = board.uart.framingErrors;
    const wrong = errors === 0 ? '' : `, ${errors} framing errors: try another rate`;
    setText(this.state, `${stateTexts[link.state]}${wrong}`);
  }

  private parts(): HTMLElement[] {
    return [
      h('div', { class: 'row inline spread' }, this.state, field('Baud', this.baud)),
      h(
        'div',
        { class: 'serial-logs' },
        section('Messages', this.messages.element),
        section('Bytes', this.wire.element),
      ),
      h('section', { class: 'block' }, h('h3', {}, 'Commands'), this.form.element),
      h(
        'section',
        { class: 'block' },
        h('h3', {}, 'Bytes by hand'),
        h(
          'div',
          { class: 'row raw' },
          field('Bytes', this.raw),
          this.rawKind.element,
          button('Send bytes', '', () => this.sendRaw()),
        ),
        this.rawOutcome,
      ),
    ];
  }

  private applyBaud(): void {
    if (this.machine) this.machine.board.uart.baud = Number(this.baud.value);
  }

  private sendRaw(): void {
    const { machine, raw } = this;
    const bytes = this.rawKind.value === 'hex' ? parseBytes(raw.value) : latin1(raw.value);
    raw.setAttribute('aria-invalid', String(bytes === undefined));
    if (bytes === undefined) this.sayRaw('failed', 'Not sent: write bytes in hex, e.g. 41 0d 0a.');
    if (bytes === undefined || machine === undefined) return;
    try {
      machine.link.send(bytes);
      machine.runner.kick();
      this.sayRaw('ok', `${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'} on the line.`);
    } catch (error) {
      this.sayRaw('failed', `Not sent: ${errorMessage(error)}`);
    }
  }

  private sayRaw(kind: string, text: string): void {
    this.rawOutcome.dataset.kind = kind;
    setText(this.rawOutcome, text);
  }
}

function section(title: string, content: HTMLElement): HTMLElement {
  return h('section', {}, h('h3', {}, title), content);
}

function arrow(direction: Direction): HTMLElement {
  return h('span', { class: `log-way ${direction}` }, direction === 'in' ? '← probe' : '→ probe');
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}

/** One byte a character; the line knows no other. */
function latin1(text: string): Uint8Array | undefined {
  const codes = Array.from(text, (char) => char.codePointAt(0)!);
  return codes.every((code) => code < 256) ? Uint8Array.from(codes) : undefined;
}
