/** Runs an arm band's vibration motor: how strong, how long. The command is `vibrate` of host/link/messages.ts. */

import { type CommandRoad, CommandSlot } from './command-slot.ts';
import { h } from './dom.ts';
import { button, field, numberInput, validNumber } from './form.ts';

const MAX_DURATION_MS = 10_000;

export class VibrateControls {
  readonly element: HTMLElement;
  private readonly slot: CommandSlot;
  private readonly duty = numberInput({ min: 1, max: 100, step: 1, value: 60, required: true });
  private readonly duration = numberInput({ min: 10, max: MAX_DURATION_MS, step: 10, value: 300, required: true });

  constructor(road: CommandRoad) {
    this.slot = new CommandSlot(road);
    this.element = h(
      'form',
      { class: 'controls' },
      h(
        'div',
        { class: 'row' },
        field('Strength, %', this.duty),
        field('Duration, ms', this.duration),
        h('button', { class: 'primary' }, 'Vibrate'),
        button('Stop', '', () => this.stop()),
      ),
      this.slot.output,
    );
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.vibrate();
    });
  }

  private vibrate(): void {
    const [duty, durationMs] = [validNumber(this.duty), validNumber(this.duration)];
    if (duty === undefined || durationMs === undefined) return;
    this.slot.send({ name: 'vibrate', duty, durationMs }, () => `Vibrates at ${duty} % for ${durationMs} ms.`);
  }

  private stop(): void {
    this.slot.send({ name: 'vibrate', duty: 0, durationMs: 0 }, () => 'Stopped.');
  }
}
