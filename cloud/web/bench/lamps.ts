/**
 * What shines on the board: the two RGB LEDs behind the TCA6507, the LaunchPad's LEDs, and the vibration motor.
 *
 * Flashes are limited and, with prefers-reduced-motion, lamps stand at their peak, as on the dashboard (led-preview.ts).
 * Words describe what a lamp was told to do, so that colour and blinking are never all there is.
 */

import type { Board } from '../../../host/emulator/index.ts';
import { luminance, type Rgb } from '../color.ts';
import { h, setText } from '../dom.ts';
import { FlashLimiter } from '../flash-limit.ts';
import { describeLed, type LedName, ledNames } from '../led-state.ts';
import { reducedMotion } from '../preferences.ts';

const LED1_COLOR: Rgb = [255, 48, 32];
const LED2_COLOR: Rgb = [72, 255, 64];

interface Lamp {
  readonly lens: HTMLElement;
  readonly words: HTMLElement;
}

export class Lamps {
  readonly element: HTMLElement;
  private readonly rgb: readonly Lamp[];
  private readonly led1: Lamp;
  private readonly led2: Lamp;
  private readonly motor = h('span', { class: 'lamp-words' });
  private readonly motorBar = h('span', { class: 'motor-bar', 'aria-hidden': 'true' });
  private readonly limiter = new FlashLimiter(ledNames.length + 2);

  constructor() {
    const rows: HTMLElement[] = [];
    const lamp = (name: string, small: boolean): Lamp => {
      const lens = h('span', { class: small ? 'lens small' : 'lens big', 'aria-hidden': 'true' });
      const words = h('span', { class: 'lamp-words' }, 'off');
      rows.push(h('div', { class: 'lamp' }, lens, h('p', {}, h('span', { class: 'lamp-name' }, name), words)));
      return { lens, words };
    };
    this.rgb = ledNames.map((led) => lamp(`${led} LED`, false));
    this.led1 = lamp('LED1 on P1.0', true);
    this.led2 = lamp('LED2 on P1.6', true);
    const motor = h('p', {}, h('span', { class: 'lamp-name' }, 'motor on P2.1'), this.motor);
    rows.push(h('div', { class: 'lamp' }, h('span', { class: 'motor', 'aria-hidden': 'true' }, this.motorBar), motor));
    this.element = h('div', { class: 'lamps bench-lamps' }, ...rows);
  }

  paint(board: Board, nowMs: number): void {
    const lights = board.lights();
    const registers = board.ledDriver.registers;
    const colors: Rgb[] = ledNames.map((led) => this.colorOf(board, led, lights[led]));
    colors.push(scaled(LED1_COLOR, lights.led1), scaled(LED2_COLOR, lights.led2));
    if (this.limiter.allow(colors.map(luminance), nowMs / 1000)) {
      [...this.rgb, this.led1, this.led2].forEach(({ lens }, index) => {
        shine(lens, colors[index]!);
      });
    }
    this.rgb.forEach(({ words }, index) => {
      setText(words, describeLed(registers, ledNames[index]!).text);
    });
    setText(this.led1.words, lights.led1 > 0 ? 'on, red' : 'off');
    setText(this.led2.words, lights.led2 > 0 ? 'on, green' : 'off');
    const percent = Math.round(board.motor.duty * 100);
    setText(this.motor, percent === 0 ? 'still' : `runs at ${percent} %`);
    this.motorBar.style.setProperty('height', `${percent}%`);
  }

  private colorOf(board: Board, led: LedName, [red, green, blue]: readonly [number, number, number]): Rgb {
    if (reducedMotion()) return describeLed(board.ledDriver.registers, led).color;
    return [red * 255, green * 255, blue * 255];
  }
}

function scaled([red, green, blue]: Rgb, share: number): Rgb {
  return [red * share, green * share, blue * share];
}

function shine(lens: HTMLElement, color: Rgb): void {
  const css = `rgb(${color.map(Math.round).join(' ')})`;
  if (lens.dataset.color === css) return;
  lens.dataset.color = css;
  lens.style.setProperty('--light', css);
  lens.style.setProperty('--strength', (Math.max(...color) / 255).toFixed(2));
}
