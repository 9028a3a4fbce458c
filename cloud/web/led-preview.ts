/**
 * Shows the two LEDs as they are: from the registers that the TCA6507 acknowledged, not from what was asked of it.
 *
 * Blinks and fades run in the page, from the time at which the registers were written; the rate of flashes is limited
 * (flash-limit.ts), and with prefers-reduced-motion the lamps stand still at their peak. Each is described in words.
 */

import { Tca6507Light, tca6507Registers } from '../../host/emulator/index.ts';
import { luminance, type Rgb } from './color.ts';
import { h, setText } from './dom.ts';
import { FlashLimiter } from './flash-limit.ts';
import type { Probe } from './fleet.ts';
import { describeLed, type LedName, ledColorAt, ledNames, oneShotsBegun } from './led-state.ts';
import { reducedMotion } from './preferences.ts';

interface Lamp {
  readonly led: LedName;
  readonly lens: HTMLElement;
  readonly words: HTMLElement;
}

export class LedPreview {
  readonly element: HTMLElement;
  private readonly probe: Probe;
  private readonly lamps: readonly Lamp[];
  private readonly light = new Tca6507Light();
  private readonly limiter = new FlashLimiter(ledNames.length);
  private taken: number | undefined;

  constructor(probe: Probe) {
    this.probe = probe;
    this.lamps = ledNames.map((led) => ({
      led,
      lens: h('span', { class: 'lens', 'aria-hidden': 'true' }),
      words: h('span', { class: 'lamp-words' }, 'not known yet'),
    }));
    const rows = this.lamps.map(({ led, lens, words }) =>
      h('div', { class: 'lamp' }, lens, h('p', {}, h('span', { class: 'lamp-name' }, `${led} LED`), words)),
    );
    this.element = h('div', { class: 'lamps' }, ...rows);
  }

  paint(nowMs: number): void {
    const { leds } = this.probe;
    if (leds === undefined) return;
    // A gateway that is back repeats what it said, with the same time.
    if (leds.time !== this.taken) this.takeRegisters(leds.registers, leds.time);
    this.taken = leds.time;
    const t = Math.max(leds.time, nowMs / 1000 - this.probe.offset.seconds);
    const colors = this.lamps.map(({ led }) =>
      reducedMotion() ? describeLed(leds.registers, led).color : ledColorAt(this.light, led, t),
    );
    if (!this.limiter.allow(colors.map(luminance), nowMs / 1000)) return;
    this.lamps.forEach(({ lens }, index) => {
      showColor(lens, colors[index]!);
    });
  }

  private takeRegisters(registers: readonly number[], time: number): void {
    const restart = this.taken === undefined ? 0 : oneShotsBegun(this.light.registers, registers);
    this.light.setRegisters(registers, time);
    if (restart !== 0) this.light.write(tca6507Registers.INITIALIZATION, restart, time);
    for (const { led, words, lens } of this.lamps) {
      const description = describeLed(registers, led);
      setText(words, description.text);
      lens.dataset.effect = description.effect;
    }
  }
}

function showColor(lens: HTMLElement, color: Rgb): void {
  const css = `rgb(${color.map(Math.round).join(' ')})`;
  if (lens.dataset.color === css) return;
  lens.dataset.color = css;
  lens.style.setProperty('--light', css);
  lens.style.setProperty('--strength', (Math.max(...color) / 255).toFixed(2));
}
