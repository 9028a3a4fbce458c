/**
 * Commands to the probe in the page: colours by a click, and every command of host/link/messages.ts by a form that is
 * made from its table.
 */

import { errorMessage } from '../../../errors/index.ts';
import {
  type Command,
  type CommandOutcome,
  type FieldDefinition,
  leds,
  type MessageDefinition,
  type MessageName,
  messages,
} from '../../../host/link/index.ts';
import { parseHex, swatches } from '../color.ts';
import { h, setText } from '../dom.ts';
import { button, field } from '../form.ts';
import type { Machine } from './machine.ts';
import { hexBytes, parseBytes } from './message-text.ts';

const commandNames = (Object.keys(messages) as MessageName[]).filter(
  (name) => messages[name].direction === 'down' && name !== 'hello_request',
);

/** What the form proposes, where 0 would do nothing. */
const proposals: Readonly<Record<string, string>> = {
  'set_interval.intervalMs': '250',
  'set_color.leds': '3',
  'set_color.green': '119',
  'set_color.red': '255',
  'set_color.fadeOnMs': '512',
  'set_color.onMs': '256',
  'set_color.fadeOffMs': '512',
  'set_color.offMs': '512',
  'set_outputs.codes': '00 04 00 00 04 00 00',
  'set_brightness.level': '15',
  'step_brightness.step': '1',
  'led_test.test': '1',
  'led_test.stepMs': '200',
  'vibrate.duty': '60',
  'vibrate.durationMs': '300',
  'read_registers.address': '83',
  'read_registers.count': '1',
  'write_registers.address': '69',
  'write_registers.values': '00',
};

const failures: Readonly<Record<string, string>> = {
  unsupported: 'this probe has no such part',
  bad_argument: 'a value is out of range',
  i2c_nack: 'the part on the I2C bus does not answer',
  i2c_timeout: 'the I2C bus hangs',
  timeout: 'no answer in 5 s of the board’s time',
  unreachable: 'the probe does not answer',
  unknown: 'the probe restarted meanwhile; it may have been done',
};

export class CommandForm {
  readonly element: HTMLElement;
  private readonly select = h('select', { autocomplete: 'off' }, ...commandNames.map((name) => h('option', {}, name)));
  private readonly fields = h('div', { class: 'row' });
  private readonly hint = h('p', { class: 'hint' });
  private readonly outcome = h('output', { class: 'outcome' });
  private inputs: { definition: FieldDefinition; input: HTMLInputElement }[] = [];
  private machine: Machine | undefined;
  private newest = 0;

  constructor() {
    this.select.addEventListener('change', () => this.choose());
    const palette = swatches.map(({ name, hex }) => {
      const swatch = button('', 'swatch', () => this.sendColor(hex), { 'aria-label': name, title: name });
      swatch.style.setProperty('--swatch', hex);
      return swatch;
    });
    const off = button('Off', 'small', () => this.sendColor('#000000'));
    const ping = button('Ping', 'small', () => void this.send({ name: 'ping' }));
    const send = button('Send', 'primary', () => this.sendForm());
    this.element = h(
      'div',
      { class: 'controls' },
      h('div', { class: 'row palette', role: 'group', 'aria-label': 'Colours' }, ...palette, off, ping),
      h('div', { class: 'row' }, field('Command', this.select), this.fields, send),
      this.hint,
      this.outcome,
    );
    this.choose();
  }

  attach(machine: Machine): void {
    this.machine = machine;
    this.newest++;
    this.say('', '');
  }

  private choose(): void {
    const definition: MessageDefinition = messages[this.select.value as MessageName];
    this.inputs = definition.fields.map((each) => ({ definition: each, input: this.inputFor(each) }));
    this.fields.replaceChildren(...this.inputs.map(({ definition: { name }, input }) => field(name, input)));
    setText(this.hint, `${definition.doc}.`);
  }

  private inputFor({ name, doc, type }: FieldDefinition): HTMLInputElement {
    const bytes = type === 'bytes' || type === 'data';
    return h('input', {
      type: bytes ? 'text' : 'number',
      title: doc,
      value: proposals[`${this.select.value}.${name}`] ?? (bytes ? '' : '0'),
      size: bytes ? 20 : undefined,
      autocomplete: 'off',
      spellcheck: 'false',
    });
  }

  private sendForm(): void {
    const values: Record<string, number | Uint8Array> = {};
    for (const { definition, input } of this.inputs) {
      const bytes = definition.type === 'bytes' || definition.type === 'data';
      const value = bytes ? parseBytes(input.value) : input.value === '' ? undefined : input.valueAsNumber;
      input.setAttribute('aria-invalid', String(value === undefined));
      if (value === undefined) {
        this.say('failed', `Not sent: ${definition.name} is ${bytes ? 'bytes in hex, e.g. 00 4f' : 'a number'}.`);
        return;
      }
      values[definition.name] = value;
    }
    void this.send({ name: this.select.value, ...values } as unknown as Command);
  }

  private sendColor(hex: string): void {
    const [red, green, blue] = parseHex(hex)!;
    const pulse = { effect: 0, fadeOnMs: 0, onMs: 0, fadeOffMs: 0, offMs: 0 };
    void this.send({ name: 'set_color', leds: leds.lower | leds.upper, red, green, blue, ...pulse });
  }

  private async send(command: Command): Promise<void> {
    const { machine } = this;
    if (machine === undefined) return;
    if (machine.link.state === 'detached') {
      this.say('failed', 'Not sent: this program has not said hello in the link protocol.');
      return;
    }
    const turn = ++this.newest;
    this.say(
      '',
      machine.runner.running ? `${command.name}: on its way…` : `${command.name}: waits until the board runs.`,
    );
    const answer = machine.link.command(command);
    machine.runner.kick();
    const [kind, text] = await answer.then(outcomeText, (error: unknown) => [
      'failed',
      `Not sent: ${errorMessage(error)}`,
    ]);
    if (turn === this.newest) this.say(kind!, kind === 'ok' ? `${command.name}: ${text}` : text!);
  }

  private say(kind: string, text: string): void {
    this.outcome.dataset.kind = kind;
    setText(this.outcome, text);
  }
}

function outcomeText({ status, data, linkMs }: CommandOutcome): string[] {
  if (status !== 'ok') return ['failed', `Not done: ${failures[status] ?? status.replaceAll('_', ' ')}.`];
  const returned = data.length > 0 ? `, data ${hexBytes(data)}` : '';
  return ['ok', `acknowledged in ${linkMs?.toFixed(1) ?? '?'} ms${returned}.`];
}
