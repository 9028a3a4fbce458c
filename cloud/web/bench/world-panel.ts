/**
 * The world around the board: button, light, motion, temperature and supply.
 *
 * Untouched quantities move by themselves and their sliders follow; a slider that is moved holds its quantity.
 */

import type { Vector, World } from '../../../host/emulator/index.ts';
import { h, setText } from '../dom.ts';
import { button, field } from '../form.ts';
import type { Machine } from './machine.ts';

interface Quantity {
  readonly caption: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly digits: number;
  read(world: World, t: number): number;
  write(world: World, t: number, value: number | undefined): void;
}

const axes = ['x', 'y', 'z'] as const;

const quantities: readonly Quantity[] = [
  {
    ...{ caption: 'Light', unit: 'lx', min: 0, max: 2000, step: 10, digits: 0 },
    read: (world, t) => world.lux(t),
    write: (world, _t, value) => world.setLux(value),
  },
  ...axes.map(
    (axis, index): Quantity => ({
      ...{ caption: `Acceleration ${axis}`, unit: 'g', min: -2, max: 2, step: 0.05, digits: 2 },
      read: (world, t) => world.acceleration(t)[index]!,
      write: (world, t, value) =>
        world.setAcceleration(
          value === undefined
            ? undefined
            : (world.acceleration(t).map((g, other) => (other === index ? value : g)) as unknown as Vector),
        ),
    }),
  ),
  {
    ...{ caption: 'Temperature', unit: '°C', min: -20, max: 60, step: 0.5, digits: 1 },
    read: (world, t) => world.temperature(t),
    write: (world, _t, value) => world.setTemperature(value),
  },
  {
    ...{ caption: 'Supply', unit: 'V', min: 1.8, max: 3.6, step: 0.05, digits: 2 },
    read: (world, t) => world.supply(t),
    write: (world, _t, value) => world.setSupply(value),
  },
];

interface Slider {
  readonly quantity: Quantity;
  readonly input: HTMLInputElement;
  readonly value: HTMLElement;
}

export class WorldPanel {
  readonly element: HTMLElement;
  private readonly sliders: readonly Slider[];
  private machine: Machine | undefined;
  private pressed = false;

  constructor() {
    this.sliders = quantities.map((quantity) => {
      const { min, max, step } = quantity;
      const input = h('input', { type: 'range', min, max, step, autocomplete: 'off' });
      const slider: Slider = { quantity, input, value: h('span', { class: 'number' }) };
      input.addEventListener('input', () => this.set(slider, input.valueAsNumber));
      return slider;
    });
    const rows = this.sliders.map(({ quantity, input, value }) => {
      const element = field(`${quantity.caption} `, input);
      element.querySelector('label')?.append(value);
      return element;
    });
    const free = button('Let it move by itself', '', () => this.free());
    this.element = h(
      'div',
      { class: 'controls' },
      h('div', { class: 'row' }, this.pushButton(), free),
      h('div', { class: 'sliders' }, ...rows),
    );
  }

  attach(machine: Machine): void {
    this.machine = machine;
    this.pressed = false;
  }

  refresh({ board }: Machine): void {
    for (const { quantity, input, value } of this.sliders) {
      const now = quantity.read(board.world, board.seconds);
      if (input !== document.activeElement || !input.matches(':active')) input.value = String(now);
      setText(value, `${now.toFixed(quantity.digits).replace('-', '−')} ${quantity.unit}`);
    }
  }

  private set({ quantity }: Slider, value: number | undefined): void {
    const { machine } = this;
    if (machine === undefined) return;
    quantity.write(machine.board.world, machine.board.seconds, value);
    machine.runner.kick();
  }

  private free(): void {
    for (const slider of this.sliders) this.set(slider, undefined);
  }

  /** Down as long as finger or key are; a click without either, as assistive technology makes, is a short press. */
  private pushButton(): HTMLButtonElement {
    const element = button('Button P1.3', 'push', () => {
      if (!this.pressed) {
        this.change(element, true);
        this.change(element, false);
      }
      this.pressed = false;
    });
    const press = () => {
      this.pressed = true;
      this.change(element, true);
    };
    element.addEventListener('pointerdown', press);
    element.addEventListener('keydown', (event) => {
      if ((event.key === ' ' || event.key === 'Enter') && !event.repeat) press();
    });
    for (const end of ['pointerup', 'keyup']) element.addEventListener(end, () => this.change(element, false));
    for (const end of ['pointercancel', 'pointerleave', 'blur']) {
      element.addEventListener(end, () => {
        this.pressed = false;
        this.change(element, false);
      });
    }
    return element;
  }

  private change(element: HTMLElement, down: boolean): void {
    element.dataset.down = String(down);
    this.machine?.setButton(down);
  }
}
