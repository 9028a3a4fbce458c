/** How often a probe measures, 0.1 to 50 Hz. The command is `set_interval` of host/link/messages.ts. */

import { type CommandRoad, CommandSlot } from './command-slot.ts';
import { h } from './dom.ts';
import type { Probe } from './fleet.ts';
import { field, numberInput, validNumber } from './form.ts';
import { formatHz } from './quantities.ts';

const MIN_HZ = 0.1;
const MAX_HZ = 50;

export class IntervalControl {
  readonly element: HTMLElement;
  private readonly slot: CommandSlot;
  private readonly probe: Probe;
  private readonly rate = numberInput({ min: MIN_HZ, max: MAX_HZ, step: 'any', required: true });

  constructor(road: CommandRoad, probe: Probe) {
    this.probe = probe;
    this.slot = new CommandSlot(road);
    this.element = h(
      'form',
      { class: 'block controls inline' },
      h('div', { class: 'row' }, field('Samples a second', this.rate), h('button', {}, 'Set rate')),
      this.slot.output,
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
  }

  /** Fills in the rate that the probe reported, unless somebody is typing one. */
  paint(): void {
    const interval = this.probe.status?.intervalMs;
    if (!interval || document.activeElement === this.rate || this.rate.dataset.interval === String(interval)) return;
    this.rate.dataset.interval = String(interval);
    this.rate.value = String(Number((1000 / interval).toPrecision(3)));
  }

  private send(): void {
    const hz = validNumber(this.rate);
    if (hz === undefined) return;
    const intervalMs = Math.round(1000 / hz);
    this.slot.send({ name: 'set_interval', intervalMs }, () => {
      // Its next birth says the same; until then quiet and gaps are judged by what it acknowledged.
      if (this.probe.status !== undefined) this.probe.status = { ...this.probe.status, intervalMs };
      return `A sample every ${intervalMs} ms (${formatHz(1000 / intervalMs)}).`;
    });
  }
}
