/** SDA or SCL as a USCI in I2C mode drives and sees it: open drain, on the module function of its pin (SLAS735 port P1). */

import type { Level, Pin, PinFunction } from './pin.ts';

export class OpenDrain {
  private readonly pin: Pin;
  private readonly fn: PinFunction;
  private own: Level = 1;

  constructor(pin: Pin, changed: (level: Level) => void) {
    this.pin = pin;
    this.fn = pin.attach(3, 'module');
    pin.onChange((level) => {
      if (this.fn.selected) changed(level);
    });
  }

  /** Without its pin the module sees what it drives itself. */
  get level(): Level {
    return this.fn.selected ? this.pin.level : this.own;
  }

  get pulledLow(): boolean {
    return this.own === 0;
  }

  /** 0 pulls low, 1 lets go. */
  output(level: Level): void {
    this.own = level;
    this.fn.output(level === 0 ? 0 : undefined);
  }
}
