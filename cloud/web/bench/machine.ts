/** A board with a program, what runs it, and what it said: everything of the bench that is not on the screen. */

import {
  Board,
  type I2cTransaction,
  type Image,
  type ScheduledEvent,
  type Timers,
} from '../../../host/emulator/index.ts';
import { LinkConsole } from './link-console.ts';
import { RingLog } from './ring-log.ts';
import { Runner } from './runner.ts';

export interface I2cLine extends I2cTransaction {
  readonly t: number;
}

/** A reset, or something that silicon would not report. */
export interface NoteLine {
  readonly t: number;
  readonly text: string;
}

const KEPT_TRANSACTIONS = 200;
const KEPT_NOTES = 50;
const SHORTEST_PRESS_S = 0.15;

export class Machine {
  readonly board: Board;
  readonly runner: Runner;
  readonly link: LinkConsole;
  readonly i2c = new RingLog<I2cLine>(KEPT_TRANSACTIONS);
  readonly notes = new RingLog<NoteLine>(KEPT_NOTES);

  private pressedAt = 0;
  private release: ScheduledEvent | undefined;

  /** @param onError the board's code threw: it stands still */
  constructor(image: Image, timers: Timers, onError: (error: unknown) => void) {
    this.board = new Board({
      trace: (event) => {
        if (event.kind === 'i2c') this.i2c.add(event);
        else if (event.kind === 'uart' && event.dir === 'rx') this.link.sent(event.byte);
        else if (event.kind === 'cpu') this.notes.add({ t: event.t, text: noteText(event.event, event.detail) });
      },
    });
    this.runner = new Runner(this.board, timers, { onError });
    this.link = new LinkConsole(this.board, Date.now(), Math.random);
    this.board.load(image);
  }

  /** The board's button; a press lasts long enough for any debouncing, however short the click was. */
  setButton(down: boolean): void {
    const { board } = this;
    const { scheduler } = board.mcu;
    if (down) {
      scheduler.cancel(this.release);
      this.pressedAt = board.seconds;
      board.pressButton();
    } else {
      const remaining = this.pressedAt + SHORTEST_PRESS_S - board.seconds;
      scheduler.cancel(this.release);
      this.release = scheduler.after(scheduler.cycles(Math.max(0, remaining)), () => board.releaseButton());
    }
    this.runner.kick();
  }
}

function noteText(event: string, detail: string | undefined): string {
  return detail === undefined ? event : `${event}: ${detail.replaceAll('_', ' ')}`;
}
