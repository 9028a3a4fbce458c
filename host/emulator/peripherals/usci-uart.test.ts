/** USCI_A0 driven through its registers while the CPU sleeps in LPM3: SMCLK runs only on request. */
import { describe, expect, it } from 'vitest';
import { Board } from '../board.ts';
import type { TraceEvent } from '../devices/device.ts';
import { makeImage } from '../image/load.ts';
import type { InterruptController } from '../interrupt-controller.ts';
import { vectors } from '../interrupts.ts';
import type { RegisterFile } from '../register-file.ts';
import { ctl1, stat, uca0 } from './usci-uart-registers.ts';

const IE2 = 0x01;
const IFG2 = 0x03;
const RXIFG = 0x01;
const TXIFG = 0x02;
const BIT_S = 1 / 9600;

/** MOV #0x5A80, &WDTCTL; BIS #0x00D0, SR: stops the watchdog and enters LPM3. */
const sleeper = makeImage('intel-hex', [
  { address: 0xc000, data: Uint8Array.of(0xb2, 0x40, 0x80, 0x5a, 0x20, 0x01, 0x32, 0xd0, 0xd0, 0x00) },
  { address: 0xfffe, data: Uint8Array.of(0x00, 0xc0) },
]);

function bench(setup: { divider?: number; modulation?: number; control0?: number; control1?: number } = {}) {
  const board = new Board({ alive: false, image: sleeper });
  const registers = board.mcu.bus as RegisterFile;
  const { mcu } = board;
  board.runFor(1e-3);
  // 1 MHz from the calibration constants.
  registers.writeByte(0x57, mcu.peek(0x10ff));
  registers.writeByte(0x56, mcu.peek(0x10fe));
  registers.writeByte(0x26, 0x06);
  registers.writeByte(0x41, 0x06);
  registers.writeByte(uca0.CTL0, setup.control0 ?? 0);
  registers.writeByte(uca0.CTL1, 0x80 | ctl1.UCSWRST);
  registers.writeByte(uca0.BR0, setup.divider ?? 104);
  registers.writeByte(uca0.MCTL, setup.modulation ?? 0x02);
  registers.writeByte(uca0.CTL1, 0x80 | (setup.control1 ?? 0));
  const received: number[] = [];
  board.uart.onByte = (byte) => received.push(byte);
  return {
    board,
    registers,
    received,
    run: (bits: number) => board.runFor(bits * BIT_S),
    send: (byte: number) => registers.writeByte(uca0.TXBUF, byte),
    flags: () => registers.readByte(IFG2) & 3,
    status: () => registers.readByte(uca0.STAT),
    vector: () => (board.mcu.interrupts as InterruptController).next(true),
  };
}

/** Cycles between the edges of TXD while a byte is sent. */
function edges(setup: Parameters<typeof bench>[0], byte: number): number[] {
  const { board, send, run } = bench(setup);
  const at: number[] = [];
  board.mcu.pin(1, 2).onChange(() => at.push(board.mcu.scheduler.now));
  send(byte);
  run(40);
  return at.slice(1).map((time, index) => time - at[index]!);
}

describe('bit times (SLAU144 "UART Baud Rate Generation")', () => {
  it('follow UCBRS in low-frequency mode', () => {
    // 0x55 changes the line at every bit. UCBRS = 1 makes bit 1 longer, UCBRS = 6 bits 1, 2, 3, 5, 6 and 7; bit 8 is bit 0 again.
    expect(edges({ modulation: 1 << 1 }, 0x55)).toEqual([104, 105, 104, 104, 104, 104, 104, 104, 104]);
    expect(edges({ modulation: 6 << 1 }, 0x55)).toEqual([104, 105, 105, 105, 104, 105, 105, 105, 104]);
  });

  it('follow UCBRF and UCBRS in oversampling mode', () => {
    expect(edges({ divider: 6, modulation: 0x81 }, 0x55)).toEqual(new Array(9).fill(104));
    expect(edges({ divider: 6, modulation: 0x81 | (2 << 1) }, 0x55)).toEqual([
      104, 110, 104, 104, 104, 110, 104, 104, 104,
    ]);
  });

  it('send parity and two stop bits', () => {
    // 0x01 with even parity and UCSPB: start low, 1 high, seven 0, parity 1, stop: the next start comes after 12 bits.
    const { board, send, run } = bench({ control0: 0xc8, modulation: 0 });
    const falls: number[] = [];
    board.mcu.pin(1, 2).onChange((level) => level === 0 && falls.push(board.mcu.scheduler.now));
    send(0x01);
    run(1);
    send(0x01);
    run(30);
    expect(falls.map((time) => (time - falls[0]!) / 104)).toEqual([0, 2, 12, 14]);
  });
});

describe('transmitting (SLAU144 "UART Transmit Operation")', () => {
  it('arrives at the other end', () => {
    const { send, run, received } = bench();
    for (const byte of [0x00, 0xff, 0xa5]) {
      send(byte);
      run(10.5);
    }
    expect(received).toEqual([0x00, 0xff, 0xa5]);
  });

  it('is double-buffered: TXIFG comes when the buffer moves, the second byte follows without a gap', () => {
    const { board, send, run, received, flags, status } = bench();
    const times: number[] = [];
    board.tracer.add((event) => times.push(event.t), ['uart']);
    expect(flags()).toBe(TXIFG);
    send(0x41);
    expect(flags()).toBe(0);
    run(0.1);
    expect(flags()).toBe(TXIFG);
    send(0x42);
    run(9.5);
    expect(flags()).toBe(0);
    expect(status() & stat.UCBUSY).toBe(stat.UCBUSY);
    run(0.6);
    expect(flags()).toBe(TXIFG);
    run(11);
    expect(received).toEqual([0x41, 0x42]);
    expect(times[1]! - times[0]!).toBeCloseTo(10 * BIT_S, 5);
    expect(status() & stat.UCBUSY).toBe(0);
  });

  it('keeps SMCLK running while it sends, and only then', () => {
    const { board, send, run } = bench();
    const { smclk } = board.mcu.clocks;
    expect(smclk.running).toBe(false);
    send(0x00);
    run(5);
    expect(smclk.running).toBe(true);
    run(6);
    expect(smclk.running).toBe(false);
  });

  it('is not readable at another rate', () => {
    const { board, send, run, received } = bench({ divider: 208 });
    send(0x00);
    run(25);
    expect(received).toEqual([]);
    expect(board.uart.framingErrors).toBe(1);
  });
});

describe('receiving (SLAU144 "UART Receive Operation", "Receive Error Conditions")', () => {
  it('sets RXIFG within the stop bit and clears it when RXBUF is read', () => {
    const { board, registers, run, flags } = bench();
    board.uart.send(Uint8Array.of(0xa5));
    run(9.3);
    expect(flags() & RXIFG).toBe(0);
    run(0.4);
    expect(flags() & RXIFG).toBe(RXIFG);
    expect(registers.readByte(uca0.RXBUF)).toBe(0xa5);
    expect(flags() & RXIFG).toBe(0);
  });

  it('requests the RX vector', () => {
    const { board, registers, run, vector } = bench();
    registers.writeByte(IE2, RXIFG);
    expect(vector()).toBe(-1);
    board.uart.send(Uint8Array.of(1));
    run(10);
    expect(vector()).toBe(vectors.USCIAB0RX);
    registers.readByte(uca0.RXBUF);
    expect(vector()).toBe(-1);
    registers.writeByte(IE2, TXIFG);
    expect(vector()).toBe(vectors.USCIAB0TX);
  });

  it('reports an overrun and keeps the newer byte', () => {
    const { board, registers, run, status } = bench();
    board.uart.send(Uint8Array.of(1, 2));
    run(20.5);
    expect(status() & (stat.UCOE | stat.UCRXERR)).toBe(stat.UCOE | stat.UCRXERR);
    expect(registers.readByte(uca0.RXBUF)).toBe(2);
    expect(status() & (stat.UCOE | stat.UCRXERR)).toBe(0);
  });

  it('takes frames with a wrong stop bit only with UCRXEIE', () => {
    for (const control1 of [0, ctl1.UCRXEIE]) {
      const { board, run, flags, status } = bench({ control1 });
      board.uart.baud = 4800;
      board.uart.send(Uint8Array.of(0x01));
      run(12);
      const wanted = control1 === 0 ? 0 : stat.UCFE | stat.UCRXERR;
      expect(status() & (stat.UCFE | stat.UCRXERR)).toBe(wanted);
      expect(flags() & RXIFG).toBe(control1 === 0 ? 0 : RXIFG);
    }
  });

  it('reports a wrong parity bit', () => {
    // The peer has no parity: its stop bit is taken for an even parity bit of 1.
    const { board, registers, run, status } = bench({ control0: 0xc0, control1: ctl1.UCRXEIE });
    board.uart.send(Uint8Array.of(0x01));
    run(14);
    expect(status() & stat.UCPE).toBe(0);
    registers.readByte(uca0.RXBUF);
    board.uart.send(Uint8Array.of(0x03));
    run(14);
    expect(status() & stat.UCPE).toBe(stat.UCPE);
  });

  it('reports a break, with an interrupt when UCBRKIE asks for it', () => {
    for (const control1 of [0, ctl1.UCBRKIE]) {
      const { board, run, flags, status } = bench({ control1 });
      board.mcu.pin(1, 1).drive(0);
      run(15);
      expect(status() & stat.UCBRK).toBe(stat.UCBRK);
      expect(flags() & RXIFG).toBe(control1 === 0 ? 0 : RXIFG);
    }
  });

  it('ignores a glitch shorter than half a bit', () => {
    const { board, run, flags, status } = bench();
    board.mcu.pin(1, 1).drive(0);
    run(0.2);
    board.mcu.pin(1, 1).drive(1);
    run(15);
    expect(flags() & RXIFG).toBe(0);
    expect(status()).toBe(0);
  });

  it('hears itself with UCLISTEN', () => {
    const { registers, send, run } = bench();
    registers.writeByte(uca0.STAT, stat.UCLISTEN);
    send(0x5a);
    run(11);
    expect(registers.readByte(uca0.RXBUF)).toBe(0x5a);
  });

  it('forgets everything in UCSWRST', () => {
    const { board, registers, run, flags, status } = bench();
    registers.writeByte(IE2, 3);
    board.uart.send(Uint8Array.of(1, 2));
    run(20.5);
    registers.writeByte(uca0.CTL1, 0x81);
    expect(flags()).toBe(TXIFG);
    expect(status()).toBe(0);
    expect(registers.readByte(IE2) & 3).toBe(0);
  });
});

it('warns of erratum USCI23: UCTXBRK set during a transmission in automatic baud rate mode', () => {
  const { board, registers, send, run } = bench({ control0: 0x06 });
  const events: TraceEvent[] = [];
  board.tracer.add((event) => events.push(event), ['cpu']);
  registers.writeByte(uca0.CTL1, 0x80 | ctl1.UCTXBRK);
  registers.writeByte(uca0.CTL1, 0x80);
  expect(events).toEqual([]);
  send(0x55);
  run(1);
  registers.writeByte(uca0.CTL1, 0x80 | ctl1.UCTXBRK);
  const detail = 'erratum USCI23 (UCTXBRK set while USCI_A0 sends in automatic baud rate mode) is not emulated';
  expect(events).toEqual([expect.objectContaining({ detail })]);
});
