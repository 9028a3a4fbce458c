/**
 * A serial adapter with modem lines on an emulated board, wired as TI's bootstrap loader interface (SLAU319 "Bootloader
 * Hardware"): DTR asserted lets RST go high, RTS asserted pulls TEST low, TXD goes to P1.2 (the program's RXD) and P1.5
 * (the loader's), RXD comes from P1.1.
 *
 * With no parity it is the board's own UART peer, with even parity it speaks to the loader. Left out: odd, mark and
 * space parity, 5 to 7 data bits, hardware flow control. Two stop bits are sent as one: nobody notices.
 */

import type { Board } from './board.ts';
import { Bsl, type BslOptions } from './bsl.ts';
import { BslUart } from './bsl-uart.ts';

export type AdapterParity = 'none' | 'even';

export interface BslAdapterOptions extends BslOptions {
  /** DTR asserted pulls RST low, as with an adapter whose DTR# is wired to RST. */
  readonly invertReset?: boolean;
  /** RTS asserted lets TEST go high. */
  readonly invertTest?: boolean;
  /** DTR is wired to TEST and RTS to RST. */
  readonly swapLines?: boolean;
}

export class BslAdapter {
  /** Bytes from the board. */
  onByte: (byte: number) => void = () => {};
  readonly bsl: Bsl;

  private readonly board: Board;
  private readonly options: BslAdapterOptions;
  private readonly even: BslUart;
  private currentParity: AdapterParity = 'none';
  private dtr = true;
  private rts = true;

  /** Takes `board.uart.onByte`; drives P1.5 from now on. */
  constructor(board: Board, options: BslAdapterOptions = {}) {
    this.board = board;
    this.options = options;
    const { mcu } = board;
    this.bsl = new Bsl(mcu, options);
    const txd = mcu.pin(1, 2);
    const loaderInput = mcu.pin(1, 5);
    this.even = new BslUart(
      mcu.scheduler,
      { input: mcu.pin(1, 1), drive: (level) => txd.drive(level) },
      board.uart.baud,
    );
    // One wire to both pins.
    loaderInput.drive(txd.level);
    txd.onChange((level) => loaderInput.drive(level));
    this.even.onByte = (byte) => {
      if (this.currentParity === 'even' && byte !== undefined) this.onByte(byte);
    };
    board.uart.onByte = (byte) => {
      if (this.currentParity === 'none') this.onByte(byte);
    };
    // The wiring decides what two asserted lines mean at the pins.
    this.setLines({});
  }

  get baud(): number {
    return this.even.baud;
  }

  /** Rate of both directions, from the next byte on. Throws `USAGE` outside 50 to 1,000,000. */
  set baud(baud: number) {
    this.board.uart.baud = baud;
    this.even.baud = baud;
  }

  get parity(): AdapterParity {
    return this.currentParity;
  }

  set parity(parity: AdapterParity) {
    this.currentParity = parity;
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.currentParity === 'even' ? this.even.waiting : this.board.uart.waiting;
  }

  /** Sends bytes to the board. Throws `UART_QUEUE_FULL`. */
  send(bytes: Uint8Array): void {
    if (this.currentParity === 'even') this.even.send(bytes);
    else this.board.uart.send(bytes);
  }

  /** Forgets what waits to be sent. */
  discard(): void {
    this.even.discard();
    this.board.uart.discard();
  }

  /** Modem lines, true for asserted; what is absent stays as it is. */
  setLines({ dtr, rts }: { dtr?: boolean; rts?: boolean }): void {
    this.dtr = dtr ?? this.dtr;
    this.rts = rts ?? this.rts;
    const { swapLines, invertReset, invertTest } = this.options;
    const [forReset, forTest] = swapLines ? [this.rts, this.dtr] : [this.dtr, this.rts];
    this.bsl.setTest(forTest !== (invertTest ?? false) ? 0 : 1);
    this.bsl.setReset(forReset !== (invertReset ?? false) ? 1 : 0);
  }
}
