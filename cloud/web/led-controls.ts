/**
 * Colour, brightness and effect of a ball's LEDs. Each change is sent at once; the last line says what the chip reached.
 *
 * The command is `set_color` of host/link/messages.ts. Its ack carries the levels reached (r, g, b in 0..15) and the
 * four time codes used, which are shown beside what was asked.
 */

import { tca6507TimesMs } from '../../host/emulator/index.ts';
import { type Effect, effects, leds } from '../../host/link/index.ts';
import type { CommandResult } from '../protocol/index.ts';
import { colorName, parseHex, type Rgb, swatches, toHex } from './color.ts';
import { type CommandRoad, CommandSlot } from './command-slot.ts';
import { h, setText } from './dom.ts';
import { button, Choices, field } from './form.ts';

const targets = { both: leds.lower | leds.upper, upper: leds.upper, lower: leds.lower } as const;
type Target = keyof typeof targets;

/** The times of a pulse, in the order of the command and of its ack. */
const times = [
  { field: 'fadeOnMs', caption: 'Fade in', ms: 512 },
  { field: 'onMs', caption: 'On', ms: 256 },
  { field: 'fadeOffMs', caption: 'Fade out', ms: 512 },
  { field: 'offMs', caption: 'Off', ms: 512 },
] as const;

const LEVELS = 15;

export class LedControls {
  readonly element: HTMLElement;
  private readonly slot: CommandSlot;
  private readonly picker = h('input', { type: 'color', value: '#ff7700', autocomplete: 'off' });
  private readonly code = h('input', { type: 'text', value: '#ff7700', maxlength: 7, spellcheck: 'false', size: 8 });
  private readonly brightness = h('input', { type: 'range', min: 0, max: 100, step: 5, value: 100 });
  private readonly brightnessText = h('span', { class: 'number' }, '100 %');
  private readonly target: Choices;
  private readonly effect: Choices;
  private readonly pulse: HTMLElement;
  private readonly pulseTimes: readonly HTMLSelectElement[];

  constructor(road: CommandRoad) {
    this.slot = new CommandSlot(road);
    const send = () => this.send();
    this.target = new Choices('LEDs', choices({ both: 'Both', upper: 'Upper', lower: 'Lower' }), 'both', send);
    const effectLabels = { steady: 'Steady', blink: 'Blink', one_shot: 'Once' };
    this.effect = new Choices('Effect', choices(effectLabels), 'steady', () => this.effectChanged());
    this.pulseTimes = times.map(({ ms }) => timeSelect(ms, send));
    this.pulse = h(
      'div',
      { class: 'pulse', hidden: true },
      ...times.map(({ caption }, index) => field(`${caption}, ms`, this.pulseTimes[index]!)),
    );
    this.listen();
    this.element = h('div', { class: 'controls' }, ...this.rows());
  }

  private rows(): HTMLElement[] {
    const palette = swatches.map(({ name, hex }) => {
      const swatch = button('', 'swatch', () => this.choose(parseHex(hex)!), { 'aria-label': name, title: name });
      swatch.style.setProperty('--swatch', hex);
      return swatch;
    });
    const off = button('Off', '', () => this.sendColor([0, 0, 0], 'steady'));
    const again = button('Send again', '', () => this.send());
    return [
      h('div', { class: 'row palette', role: 'group', 'aria-label': 'Colours' }, ...palette),
      h('div', { class: 'row' }, field('Colour', this.picker), field('Hex', this.code), this.brightnessField()),
      h('div', { class: 'row' }, this.target.element, this.effect.element),
      this.pulse,
      h('div', { class: 'row actions' }, again, off, this.slot.output),
    ];
  }

  private brightnessField(): HTMLElement {
    const element = field('Brightness ', this.brightness);
    element.classList.add('wide');
    element.querySelector('label')?.append(this.brightnessText);
    return element;
  }

  private listen(): void {
    this.picker.addEventListener('input', () => this.choose(parseHex(this.picker.value)!));
    this.code.addEventListener('change', () => this.typed());
    this.brightness.addEventListener('input', () => {
      setText(this.brightnessText, `${this.brightness.value} %`);
      this.send();
    });
  }

  private typed(): void {
    const color = parseHex(this.code.value);
    this.code.setAttribute('aria-invalid', String(color === undefined));
    if (color === undefined) this.slot.say('failed', 'Not sent: write the colour as #f80 or #ff8800.');
    else this.choose(color);
  }

  private choose(color: Rgb): void {
    this.picker.value = toHex(color);
    this.code.value = toHex(color);
    this.code.setAttribute('aria-invalid', 'false');
    this.send();
  }

  private effectChanged(): void {
    this.pulse.hidden = this.effect.value === 'steady';
    this.send();
  }

  private send(): void {
    const share = this.brightness.valueAsNumber / 100;
    const [red, green, blue] = parseHex(this.picker.value) ?? [0, 0, 0];
    this.sendColor([red * share, green * share, blue * share], this.effect.value as Effect);
  }

  private sendColor(color: Rgb, effect: Effect): void {
    const [red, green, blue] = color.map(Math.round) as unknown as Rgb;
    const timing = Object.fromEntries(
      times.map(({ field: name }, index) => [name, Number(this.pulseTimes[index]!.value)]),
    );
    const command = { name: 'set_color', leds: targets[this.target.value as Target], red, green, blue };
    this.slot.send({ ...command, effect: effects[effect], ...timing }, (result) => reached(result, effect));
  }
}

/** `Reached #ff7700, orange (levels 15, 7, 0).` with the times that the chip really uses. */
function reached({ data }: CommandResult, effect: Effect): string {
  const [red, green, blue] = data;
  if (red === undefined || green === undefined || blue === undefined) return 'Done.';
  const scale = 255 / LEVELS;
  const color: Rgb = [red * scale, green * scale, blue * scale];
  const levels = `Reached ${toHex(color)}, ${colorName(color)} (levels ${red}, ${green}, ${blue} of ${LEVELS}).`;
  if (effect === 'steady' || data.length < 3 + times.length) return levels;
  const used = times.map(
    ({ caption }, index) => `${caption.toLowerCase()} ${tca6507TimesMs[data[3 + index]!] ?? '?'} ms`,
  );
  return `${levels} Times: ${used.join(', ')}.`;
}

function timeSelect(chosenMs: number, changed: () => void): HTMLSelectElement {
  const options = tca6507TimesMs.map((ms) => h('option', { value: ms, selected: ms === chosenMs }, ms.toString()));
  const select = h('select', { autocomplete: 'off' }, ...options);
  select.addEventListener('change', changed);
  return select;
}

function choices(labels: Record<string, string>): { value: string; label: string }[] {
  return Object.entries(labels).map(([value, label]) => ({ value, label }));
}
