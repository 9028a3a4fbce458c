/** The I2C bus: what was said on it, and two things that can go wrong. */

import { h, setText } from '../dom.ts';
import { button } from '../form.ts';
import { LogView, timeCell } from './log-view.ts';
import type { I2cLine, Machine } from './machine.ts';
import { hexBytes } from './message-text.ts';

/** Addresses of the parts on the board. */
const partNames: Readonly<Record<number, string>> = { 69: 'LED driver', 83: 'accelerometer' };

export class I2cPanel {
  readonly element: HTMLElement;
  private readonly view = new LogView<I2cLine>('I2C transactions', 'i2c', 'Nothing was said on the bus yet.', row);
  private readonly count = h('span', { class: 'hint' });
  private readonly hold: HTMLButtonElement;
  private machine: Machine | undefined;
  private held = false;

  constructor() {
    this.hold = button('Hold SDA low', '', () => this.setHeld(!this.held), { 'aria-pressed': 'false' });
    const refuse = button('Refuse the next byte', '', () => this.machine?.board.i2c.refuse({ index: 1 }));
    this.element = h('div', {}, this.view.element, h('div', { class: 'row' }, refuse, this.hold, this.count));
  }

  attach(machine: Machine): void {
    this.machine = machine;
    this.view.attach(machine.i2c);
    this.setHeld(false);
  }

  refresh({ i2c }: Machine): void {
    this.view.refresh();
    setText(this.count, i2c.total === 0 ? '' : `${i2c.total} so far`);
  }

  private setHeld(held: boolean): void {
    this.held = held;
    this.hold.setAttribute('aria-pressed', String(held));
    setText(this.hold, held ? 'Let SDA go' : 'Hold SDA low');
    this.machine?.board.i2c.holdSda(held);
    this.machine?.runner.kick();
  }
}

function row({ t, addr, write, read, ack }: I2cLine): HTMLElement[] {
  const said = [
    write.length > 0 ? `write ${hexBytes(write)}` : '',
    read.length > 0 ? `read ${hexBytes(read)}` : '',
    ack ? '' : 'not acknowledged',
  ].filter(Boolean);
  const address = `0x${addr.toString(16).padStart(2, '0')}`;
  return [
    timeCell(t),
    h('span', { class: 'log-name' }, partNames[addr] === undefined ? address : `${address} ${partNames[addr]}`),
    h('span', { class: ack ? 'log-text' : 'log-text failed' }, said.join(', ') || 'address only'),
  ];
}
