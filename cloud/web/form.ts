/** Form controls with their labels, built from native elements: keyboard and screen readers come for free. */

import { type Attributes, type Child, h, uniqueId } from './dom.ts';

/** A caption bound to its control. */
export function field(caption: string, control: HTMLElement, ...after: Child[]): HTMLElement {
  control.id = control.id || uniqueId('field');
  return h('div', { class: 'field' }, h('label', { for: control.id }, caption), control, ...after);
}

export function numberInput(attributes: Attributes): HTMLInputElement {
  return h('input', { type: 'number', inputmode: 'decimal', autocomplete: 'off', ...attributes });
}

export function button(
  text: string,
  className: string,
  clicked: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  const element = h('button', { type: 'button', class: className || undefined, ...attributes }, text);
  element.addEventListener('click', clicked);
  return element;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** Radio buttons in a row, with a caption for the group. */
export class Choices {
  readonly element: HTMLFieldSetElement;
  private readonly inputs: readonly HTMLInputElement[];

  constructor(caption: string, choices: readonly Choice[], chosen: string, changed: (value: string) => void) {
    const name = uniqueId('choice');
    this.inputs = choices.map(({ value }) =>
      h('input', { type: 'radio', name, value, checked: value === chosen, autocomplete: 'off' }),
    );
    const labels = choices.map(({ label }, index) => h('label', {}, this.inputs[index]!, h('span', {}, label)));
    this.element = h(
      'fieldset',
      { class: 'choices' },
      h('legend', {}, caption),
      h('div', { class: 'segments' }, ...labels),
    );
    this.element.addEventListener('change', () => changed(this.value));
  }

  get value(): string {
    return this.inputs.find((input) => input.checked)?.value ?? '';
  }
}

/** The number in an input, or undefined with the browser's own complaint shown beside it. */
export function validNumber(input: HTMLInputElement): number | undefined {
  return input.reportValidity() && input.value !== '' ? input.valueAsNumber : undefined;
}
