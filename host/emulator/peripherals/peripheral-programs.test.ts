/**
 * Small programs of our own that rely on what few programs use: address-bit slaves, automatic baud rates, a crystal that
 * fails (SLAU144 "USCI, UART Mode", "Basic Clock Module+"). Their source stands beside their words.
 */

import { describe, expect, it } from 'vitest';
import { Board } from '../board.ts';
import { imageFromWords } from '../image/words.ts';
import { vectors } from '../interrupts.ts';
import { Mcu } from '../mcu.ts';
import type { Level, Pin } from './pin.ts';

/** Puts bits on a pin one after the other while the chip runs. */
function sendBits(mcu: Mcu, pin: Pin, bits: string, bitSeconds: number): void {
  for (const bit of bits) {
    pin.drive(bit === '1' ? 1 : 0);
    mcu.runFor(bitSeconds);
  }
}

/** Records a line and reads it back: the level at any time of the past. */
function recorder(mcu: Mcu, pin: Pin): (seconds: number) => Level {
  const edges: { at: number; level: Level }[] = [{ at: 0, level: pin.level }];
  pin.onChange((level) => edges.push({ at: mcu.scheduler.seconds(), level }));
  return (seconds) => edges.filter(({ at }) => at <= seconds).at(-1)!.level;
}

describe('a slave in the address-bit format, asleep in LPM0', () => {
  const program = imageFromWords(
    [
      // MOV #WDTPW+WDTHOLD,&WDTCTL; MOV #0x400,SP; CLR.B &DCOCTL; 1 MHz; P1SEL and P1SEL2 = 6
      0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400, 0x43c2, 0x0056, 0x42d2, 0x10ff, 0x0057, 0x42d2, 0x10fe, 0x0056, 0x40f2,
      0x0006, 0x0026, 0x40f2, 0x0006, 0x0041,
      // UCA0CTL0 = UCMODE_2; UCA0CTL1 = SMCLK, UCDORM, UCSWRST; UCBR = 104; UCA0MCTL = 0
      0x42e2, 0x0060, 0x40f2, 0x0089, 0x0061, 0x40f2, 0x0068, 0x0062, 0x43c2, 0x0063, 0x43c2, 0x0064,
      // BIC.B #UCSWRST; UCA0RXIE; LPM0 with GIE; JMP $
      0xc3d2, 0x0061, 0xd3d2, 0x0001, 0xd032, 0x0018, 0x3fff,
      // ISR: with UCADDR set UCDORM, unless it is our address 0x42, and RETI; data are sent back.
      0xb3e2, 0x0065, 0x2409, 0xd2f2, 0x0061, 0x90f2, 0x0042, 0x0066, 0x2002, 0xc2f2, 0x0061, 0x1300, 0x42d2, 0x0066,
      0x0067, 0x1300,
    ],
    { vectors: { [vectors.USCIAB0RX]: 0xc04c } },
  );
  const bitSeconds = 104e-6;

  /** Start, eight data bits, address bit, stop. */
  function character(value: number, address: boolean): string {
    let bits = '0';
    for (let bit = 0; bit < 8; bit++) bits += (value >> bit) & 1;
    return `${bits}${address ? 1 : 0}1`;
  }

  it('answers what is meant for it and sleeps through the rest', () => {
    const { mcu } = new Board({ image: program, alive: false });
    mcu.runFor(2e-3);
    expect(mcu.sleeping).toBe(true);
    const line = recorder(mcu, mcu.pin(1, 2));
    const heard = (from: number, to: number) => {
      const values: number[] = [];
      for (let at = from; at < to; at += bitSeconds / 8) {
        if (line(at) === 1 || line(at - bitSeconds / 8) === 0) continue; // no falling edge
        let value = 0;
        for (let bit = 0; bit < 8; bit++) value |= line(at + (bit + 1.5) * bitSeconds) << bit;
        values.push(value);
        at += 10.5 * bitSeconds;
      }
      return values;
    };
    const blocks = [
      [0x41, 1, 2],
      [0x42, 3, 4, 5],
      [0x43, 6],
      [0x42, 0x80],
    ];
    const start = mcu.scheduler.seconds();
    for (const [address, ...data] of blocks) {
      sendBits(mcu, mcu.pin(1, 1), character(address!, true), bitSeconds);
      for (const value of data) sendBits(mcu, mcu.pin(1, 1), character(value, false), bitSeconds);
    }
    const awake = mcu.instructions;
    mcu.runFor(3e-3);
    expect(heard(start, mcu.scheduler.seconds())).toEqual([3, 4, 5, 0x80]);
    expect(mcu.instructions).toBe(awake);
  });
});

describe('a slave that learns its baud rate', () => {
  const program = imageFromWords(
    [
      // As above, at 8 MHz
      0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400, 0x43c2, 0x0056, 0x42d2, 0x10fd, 0x0057, 0x42d2, 0x10fc, 0x0056, 0x40f2,
      0x0006, 0x0026, 0x40f2, 0x0006, 0x0041,
      // UCA0CTL0 = UCMODE_3; UCA0CTL1 = SMCLK, UCSWRST; UCBR = 833, 9600 baud; UCA0ABCTL = UCABDEN
      0x40f2, 0x0006, 0x0060, 0x40f2, 0x0081, 0x0061, 0x40f2, 0x0041, 0x0062, 0x40f2, 0x0003, 0x0063, 0x43c2, 0x0064,
      0x43d2, 0x005d,
      // BIC.B #UCSWRST; UCA0RXIE; LPM0 with GIE; JMP $; ISR: MOV.B &UCA0RXBUF,&UCA0TXBUF; RETI
      0xc3d2, 0x0061, 0xd3d2, 0x0001, 0xd032, 0x0018, 0x3fff, 0x42d2, 0x0066, 0x0067, 0x1300,
    ],
    { vectors: { [vectors.USCIAB0RX]: 0xc054 } },
  );

  it('echoes at every rate that it was shown', () => {
    const board = new Board({ image: program, alive: false });
    const received: number[] = [];
    board.uart.onByte = (byte) => received.push(byte);
    board.runFor(5e-3);
    const rxd = board.mcu.pin(1, 1);
    for (const baud of [4800, 38_400, 9600, 115_200, 1200]) {
      board.uart.baud = baud;
      // A break is as long as the rate from before wants it: 15 bits of 1200 baud are enough for all.
      rxd.drive(0);
      board.runFor(15 / 1200);
      rxd.drive(1);
      board.runFor(1 / baud);
      board.uart.send(Uint8Array.of(0x55, 0xc3, baud & 0xff));
      board.runFor(50 / baud);
      expect(received.splice(0), `${baud} baud`).toEqual([0xc3, baud & 0xff]);
    }
    expect(board.uart.framingErrors).toBe(0);
  });
});

describe('a program that runs from the crystal', () => {
  const program = imageFromWords(
    [
      // MOV #WDTPW+WDTHOLD,&WDTCTL; MOV #0x400,SP; P1.0 an output, low
      0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400, 0xd3d2, 0x0022, 0xc3d2, 0x0021,
      // Clears OFIFG until it stays clear; MCLK and SMCLK from LFXT1; OFIE; INC R5; JMP
      0xc3e2, 0x0002, 0xb3e2, 0x0002, 0x23fb, 0x40f2, 0x00c8, 0x0058, 0xd3e2, 0x0000, 0x5315, 0x3ffe,
      // NMI: P1.0 high while OFIFG cannot be cleared, OFIE, RETI
      0xd3d2, 0x0021, 0xc3e2, 0x0002, 0xb3e2, 0x0002, 0x23fb, 0xc3d2, 0x0021, 0xd3e2, 0x0000, 0x1300,
    ],
    { vectors: { [vectors.NMI]: 0xc02a } },
  );

  it('waits for it, is told by an NMI when it fails, and goes on with it', () => {
    const mcu = new Mcu({ image: program, crystalHz: 32_768, crystalStartSeconds: 0.3 });
    const led = mcu.pin(1, 0);
    mcu.runFor(0.29);
    expect([mcu.registers[5], mcu.clocks.mclk.frequencyHz]).toEqual([0, mcu.scheduler.frequencyHz]);
    mcu.runFor(0.11);
    expect(mcu.clocks.mclk.frequencyHz).toBe(32_768);
    // Three cycles a round, for nine tenths of 0.1 s and more.
    const rounds = mcu.registers[5]!;
    expect(rounds).toBeGreaterThan(900);
    expect(rounds).toBeLessThan(1100);

    mcu.bus.writeByte(0x2e, 0); // P2SEL: the crystal's pins are ports
    mcu.runFor(0.1);
    expect([led.level, mcu.clocks.mclk.frequencyHz]).toEqual([1, mcu.scheduler.frequencyHz]);
    const stopped = mcu.registers[5]!;
    mcu.runFor(0.1);
    expect(mcu.registers[5]).toBe(stopped);

    mcu.bus.writeByte(0x2e, 0xc0);
    mcu.runFor(0.4);
    expect([led.level, mcu.clocks.mclk.frequencyHz]).toEqual([0, 32_768]);
    expect(mcu.registers[5]).toBeGreaterThan(stopped + 900);
  });
});
