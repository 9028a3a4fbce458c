/** Registers, status bits, pins and where the program stands. Values that a step changed are marked, not by colour alone. */

import type { Board } from '../../../host/emulator/index.ts';
import { h, setAttribute, setText } from '../dom.ts';
import { LogView, timeCell } from './log-view.ts';
import type { Machine, NoteLine } from './machine.ts';

const registerNames = ['PC', 'SP', 'SR', 'CG', ...Array.from({ length: 12 }, (_, index) => `R${index + 4}`)];

/** Bits of the status register (SLAU144, "Status Register"). */
const statusBits = [
  ['V', 0x100],
  ['N', 0x04],
  ['Z', 0x02],
  ['C', 0x01],
  ['GIE', 0x08],
  ['CPUOFF', 0x10],
  ['OSCOFF', 0x20],
  ['SCG0', 0x40],
  ['SCG1', 0x80],
] as const;

const pinUses: Readonly<Record<string, string>> = {
  'P1.0': 'LED1',
  'P1.1': 'RXD',
  'P1.2': 'TXD',
  'P1.3': 'button',
  'P1.4': 'light sensor',
  'P1.6': 'SCL, LED2',
  'P1.7': 'SDA',
  'P2.0': 'INT1',
  'P2.1': 'motor',
  'P2.2': 'LED EN',
};

export class ProcessorPanel {
  readonly element: HTMLElement;
  private readonly values: HTMLElement[] = [];
  private readonly bits: HTMLElement[] = [];
  private readonly state = h('p', { class: 'cpu-state' });
  private readonly notes = new LogView<NoteLine>(
    'Resets and warnings',
    'notes',
    'Nothing to report.',
    ({ t, text }) => [timeCell(t), h('span', {}, text)],
  );
  private readonly pins: { name: string; cell: HTMLElement; level: HTMLElement; way: HTMLElement }[] = [];
  private shown: number[] = [];

  constructor() {
    const registers = registerNames.map((name) => {
      const value = h('dd', {}, '0000');
      this.values.push(value);
      return h('div', {}, h('dt', {}, name), value);
    });
    const bits = statusBits.map(([name]) => {
      const bit = h('li', {}, name);
      this.bits.push(bit);
      return bit;
    });
    this.element = h(
      'div',
      {},
      this.state,
      h('h3', {}, 'Registers'),
      h('dl', { class: 'registers' }, ...registers),
      h('h3', {}, 'Status bits'),
      h('ul', { class: 'bits' }, ...bits),
      h('h3', {}, 'Pins'),
      h('ul', { class: 'pins' }, ...this.pinRows()),
      h('h3', {}, 'Resets and warnings'),
      this.notes.element,
    );
  }

  attach(machine: Machine): void {
    this.notes.attach(machine.notes);
    this.shown = [];
  }

  /** @param marking true marks what changed since the last time: while the board stands still */
  refresh({ board }: Machine, marking: boolean): void {
    this.notes.refresh();
    this.showRegisters(board, marking);
    this.showPins(board);
  }

  private showRegisters(board: Board, marking: boolean): void {
    const registers = Array.from(board.mcu.registers);
    const same = registers.every((value, index) => value === this.shown[index]);
    if (same && marking) return; // the marks of the last step stay
    registers.forEach((value, index) => {
      const changed = marking && this.shown.length > 0 && value !== this.shown[index];
      setText(this.values[index]!, value.toString(16).padStart(4, '0'));
      setAttribute(this.values[index]!, 'data-changed', String(changed));
    });
    this.shown = registers;
    const [pc, , sr] = registers as [number, number, number];
    statusBits.forEach(([name, mask], index) => {
      const set = (sr & mask) !== 0;
      setAttribute(this.bits[index]!, 'data-set', String(set));
      setText(this.bits[index]!, `${name} ${set ? 1 : 0}`);
    });
    const words = [0, 2, 4].map((offset) =>
      board.mcu
        .peekWord(pc + offset)
        .toString(16)
        .padStart(4, '0'),
    );
    const place = `at ${pc.toString(16).padStart(4, '0')}: ${words.join(' ')}`;
    setText(this.state, board.mcu.sleeping ? `Asleep in ${lowPowerMode(sr)}, ${place}` : `Awake, ${place}`);
  }

  private pinRows(): HTMLElement[] {
    return [1, 2].flatMap((port) =>
      Array.from({ length: 8 }, (_, bit) => {
        const name = `P${port}.${bit}`;
        const level = h('b', {}, '0');
        const way = h('span', { class: 'pin-way' });
        const use = h('span', { class: 'pin-use' }, pinUses[name] ?? 'free');
        const cell = h('li', {}, h('span', { class: 'pin-name' }, name), level, way, use);
        this.pins.push({ name, cell, level, way });
        return cell;
      }),
    );
  }

  private showPins(board: Board): void {
    for (const { name, cell, level, way } of this.pins) {
      const pin = board.pin(name);
      setText(level, String(pin.level));
      setText(way, pin.driven === undefined ? 'in' : 'out');
      setAttribute(cell, 'data-level', String(pin.level));
    }
  }
}

/** LPM0 to LPM4 by SR (SLAU144, "Operating Modes"). */
export function lowPowerMode(status: number): string {
  const bits = (status >> 4) & 0x0f;
  return { 1: 'LPM0', 5: 'LPM1', 9: 'LPM2', 13: 'LPM3', 15: 'LPM4' }[bits] ?? 'a mode of its own';
}
