/**
 * USCI_A0 UART: multiprocessor formats, breaks, automatic baud rate detection, UC0CLK, the IrDA receive filter, and the
 * rules of the error flags (SLAU144, "USCI, UART Mode"). The line is driven level by level. Over
 * 500 lines in one file because all formats share the few functions that drive and read the line.
 */
import { describe, expect, it } from 'vitest';
import { Board } from '../board.ts';
import { makeImage } from '../image/load.ts';
import type { RegisterFile } from '../register-file.ts';
import type { Level } from './pin.ts';
import { abctl, ctl0, ctl1, stat, uartMode, uca0 } from './usci-uart-registers.ts';

const IFG2 = 0x03;
const RXIFG = 0x01;
const TXIFG = 0x02;
/** Cycles of a bit at 9600 baud and 1 MHz, UCBRSx = 0. */
const BIT = 104;
const SMCLK = 0x80;

/** MOV #0x5A80, &WDTCTL; BIS #0x00D0, SR: stops the watchdog and enters LPM3. */
const sleeper = makeImage('intel-hex', [
  { address: 0xc000, data: Uint8Array.of(0xb2, 0x40, 0x80, 0x5a, 0x20, 0x01, 0x32, 0xd0, 0xd0, 0x00) },
  { address: 0xfffe, data: Uint8Array.of(0x00, 0xc0) },
]);

function bench(setup: { control0?: number; control1?: number; divider?: number; modulation?: number } = {}) {
  const { mcu } = new Board({ alive: false, image: sleeper });
  const registers = mcu.bus as RegisterFile;
  mcu.runFor(1e-3);
  registers.writeByte(0x57, mcu.peek(0x10ff));
  registers.writeByte(0x56, mcu.peek(0x10fe));
  registers.writeByte(0x26, 0x06);
  registers.writeByte(0x41, 0x06);
  registers.writeByte(uca0.CTL0, setup.control0 ?? 0);
  registers.writeByte(uca0.CTL1, SMCLK | ctl1.UCSWRST);
  registers.writeByte(uca0.BR0, setup.divider ?? BIT);
  registers.writeByte(uca0.MCTL, setup.modulation ?? 0);
  registers.writeByte(uca0.CTL1, SMCLK | (setup.control1 ?? 0));
  const cycles = (count: number) => mcu.runUntil(mcu.scheduler.now + count);
  const rxd = (level: Level, bits: number, bit = BIT) => {
    mcu.pin(1, 1).drive(level);
    cycles(Math.round(bits * bit));
  };
  return {
    mcu,
    registers,
    cycles,
    rxd,
    /** Puts a character on RXD: start bit, then these bits, the first of them first. */
    character: (bits: string, bit = BIT) => {
      for (const level of `0${bits}`) rxd(level === '1' ? 1 : 0, 1, bit);
    },
    flags: () => registers.readByte(IFG2) & 3,
    status: () => registers.readByte(uca0.STAT),
    read: () => registers.readByte(uca0.RXBUF),
    send: (byte: number) => registers.writeByte(uca0.TXBUF, byte),
    control1: (value: number) => registers.writeByte(uca0.CTL1, SMCLK | value),
    /** Levels of TXD bit by bit while `bits` bits pass; a bit's level is the one in its middle. */
    txd: (bits: number, bit = BIT) => {
      let levels = '';
      cycles(bit / 2);
      for (let index = 0; index < bits; index++) {
        levels += mcu.pin(1, 2).level;
        cycles(bit);
      }
      return levels;
    },
  };
}

/** 8 data bits, LSB first, and a stop bit. */
function eight(value: number): string {
  let bits = '';
  for (let bit = 0; bit < 8; bit++) bits += (value >> bit) & 1;
  return `${bits}1`;
}

describe('idle-line multiprocessor format', () => {
  const control0 = uartMode.idleLine;

  it('UCIDLE marks the first character after ten marks, and no other', () => {
    const { character, rxd, flags, status, read, cycles } = bench({ control0 });
    cycles(9 * BIT);
    expect(status() & stat.UCADDR).toBe(0);
    cycles(2 * BIT);
    expect(status() & stat.UCADDR).toBe(stat.UCADDR);
    character(eight(0x41));
    expect([flags() & RXIFG, status() & stat.UCADDR, read()]).toEqual([RXIFG, stat.UCADDR, 0x41]);
    character(eight(0x42));
    expect([flags() & RXIFG, status() & stat.UCADDR, read()]).toEqual([RXIFG, 0, 0x42]);
    rxd(1, 9);
    character(eight(0x43));
    expect([status() & stat.UCADDR, read()]).toEqual([0, 0x43]);
    rxd(1, 10.5);
    expect(status() & stat.UCADDR).toBe(stat.UCADDR);
    character(eight(0x44));
    expect([status() & stat.UCADDR, read()]).toEqual([stat.UCADDR, 0x44]);
  });

  it('counts the marks behind two stop bits', () => {
    const { character, rxd, status } = bench({ control0: control0 | ctl0.UCSPB });
    character(`${eight(0x41)}1`);
    rxd(1, 9);
    expect(status() & stat.UCADDR).toBe(0);
    rxd(1, 1.5);
    expect(status() & stat.UCADDR).toBe(stat.UCADDR);
  });

  it('UCDORM lets only addresses through', () => {
    const { character, rxd, flags, read, cycles, control1 } = bench({ control0, control1: ctl1.UCDORM });
    cycles(11 * BIT);
    character(eight(0x11));
    expect([flags() & RXIFG, read()]).toEqual([RXIFG, 0x11]);
    character(eight(0x22));
    expect([flags() & RXIFG, read()]).toEqual([0, 0x11]);
    control1(0);
    character(eight(0x33));
    expect([flags() & RXIFG, read()]).toEqual([RXIFG, 0x33]);
    control1(ctl1.UCDORM);
    rxd(1, 10.5);
    character(eight(0x44));
    expect([flags() & RXIFG, read()]).toEqual([RXIFG, 0x44]);
  });

  it('a character during which UCDORM was cleared counts', () => {
    const { rxd, character, flags, control1, read } = bench({ control0, control1: ctl1.UCDORM });
    character(eight(0x00));
    rxd(0, 1);
    control1(0);
    for (const level of eight(0x5a)) rxd(level === '1' ? 1 : 0, 1);
    expect([flags() & RXIFG, read()]).toEqual([RXIFG, 0x5a]);
  });

  it('UCTXADDR puts eleven marks before a character', () => {
    const { send, txd, cycles, control1, registers, flags } = bench({ control0 });
    send(0x00);
    cycles(2);
    expect(flags() & TXIFG).toBe(TXIFG);
    control1(ctl1.UCTXADDR);
    send(0xff);
    expect(txd(10)).toBe('0000000001');
    // The character waits until its start bit, and so does UCTXADDR.
    expect(registers.readByte(uca0.CTL1) & ctl1.UCTXADDR).toBe(ctl1.UCTXADDR);
    expect(flags() & TXIFG).toBe(0);
    // The eleven marks, of which half a bit is over.
    expect(txd(12)).toBe('111111111101');
    expect(registers.readByte(uca0.CTL1) & ctl1.UCTXADDR).toBe(0);
    expect(flags() & TXIFG).toBe(TXIFG);
  });

  it('keeps SMCLK on until the line is idle, and then lets it go', () => {
    const { mcu, cycles, character, rxd } = bench({ control0 });
    cycles(9 * BIT);
    expect(mcu.clocks.smclk.running).toBe(true);
    cycles(2 * BIT);
    expect(mcu.clocks.smclk.running).toBe(false);
    character(eight(1));
    rxd(1, 5);
    expect(mcu.clocks.smclk.running).toBe(true);
    rxd(1, 6);
    expect(mcu.clocks.smclk.running).toBe(false);
  });
});

describe('address-bit multiprocessor format', () => {
  const control0 = uartMode.addressBit;

  it('UCADDR is the address bit behind the data', () => {
    const { character, status, read } = bench({ control0 });
    character('1010000011');
    expect([status() & stat.UCADDR, read()]).toEqual([stat.UCADDR, 0x05]);
    character('0110000001');
    expect([status() & stat.UCADDR, read()]).toEqual([0, 0x06]);
  });

  it('UCDORM lets only characters with the address bit through', () => {
    const { character, flags, status, read } = bench({ control0, control1: ctl1.UCDORM });
    character('0110000001');
    expect([flags() & RXIFG, status()]).toEqual([0, 0]);
    character('1010000011');
    expect([flags() & RXIFG, status(), read()]).toEqual([RXIFG, stat.UCADDR, 0x05]);
  });

  it('an address with an error is rejected without UCRXEIE, and tells of its error with it', () => {
    for (const control1 of [0, ctl1.UCRXEIE]) {
      const { character, rxd, flags, status } = bench({ control0, control1: control1 | ctl1.UCDORM });
      character('1010000010');
      rxd(1, 1);
      expect(flags() & RXIFG).toBe(control1 === 0 ? 0 : RXIFG);
      expect(status()).toBe(control1 === 0 ? 0 : stat.UCADDR | stat.UCFE | stat.UCRXERR);
    }
  });

  it('UCTXADDR sets it in the next character alone; parity counts it', () => {
    const { send, txd, cycles, control1, registers } = bench({ control0: control0 | ctl0.UCPEN | ctl0.UCPAR });
    control1(ctl1.UCTXADDR);
    send(0x01);
    cycles(2);
    expect(registers.readByte(uca0.CTL1) & ctl1.UCTXADDR).toBe(0);
    send(0x01);
    // Start, 0x01, address, even parity, stop; the second with address 0 and parity 1.
    expect(txd(24)).toBe('010000000101'.concat('010000000011'));
  });

  it('parity counts the address bit when receiving', () => {
    const { character, status } = bench({ control0: control0 | ctl0.UCPEN | ctl0.UCPAR, control1: ctl1.UCRXEIE });
    character('10000000101');
    expect(status() & stat.UCPE).toBe(0);
    character('10000000111');
    expect(status() & stat.UCPE).toBe(stat.UCPE);
  });
});

describe('breaks', () => {
  it('UCTXBRK sends a character whose bits are all low, with the stop bit', () => {
    const { send, txd, cycles, control1, registers } = bench();
    control1(ctl1.UCTXBRK);
    send(0);
    cycles(2);
    expect(registers.readByte(uca0.CTL1) & ctl1.UCTXBRK).toBe(0);
    expect(txd(12)).toBe('000000000011');
  });

  it('what another of these UARTs receives as one', () => {
    const { send, cycles, control1, registers, status, read } = bench({ control1: ctl1.UCBRKIE });
    registers.writeByte(uca0.STAT, stat.UCLISTEN);
    control1(ctl1.UCBRKIE | ctl1.UCTXBRK);
    send(0);
    cycles(12 * BIT);
    expect(status() & ~stat.UCLISTEN).toBe(stat.UCBRK);
    expect(read()).toBe(0);
    expect(status() & ~stat.UCLISTEN).toBe(0);
  });

  it('is recognized in every format by its length: a low stop bit behind other data is a framing error', () => {
    for (const control0 of [uartMode.plain, uartMode.idleLine, uartMode.addressBit, ctl0.UCPEN, ctl0.UC7BIT]) {
      const { rxd, status, cycles } = bench({ control0, control1: ctl1.UCRXEIE | ctl1.UCBRKIE });
      cycles(3 * BIT);
      rxd(0, 13);
      rxd(1, 2);
      expect(status() & ~stat.UCADDR).toBe(stat.UCBRK);
    }
  });
});

describe('automatic baud rate detection', () => {
  const control0 = uartMode.autoBaud;

  /** Break, delimiter, synch field. */
  function synchronise({ rxd, character }: ReturnType<typeof bench>, bit: number, breakBits = 13): void {
    rxd(0, breakBits, bit);
    rxd(1, 1, bit);
    character(eight(0x55), bit);
  }

  it('measures the synch field and takes its rate, in low-frequency mode with its eighths', () => {
    const unit = bench({ control0 });
    unit.registers.writeByte(uca0.ABCTL, abctl.UCABDEN);
    // 80.5 periods a bit: eight of them are 644.
    const { mcu, registers } = unit;
    unit.rxd(0, 13, BIT);
    unit.rxd(1, 1, BIT);
    const edges = [0, 80, 161, 241, 322, 402, 483, 563, 644, 724];
    const start = mcu.scheduler.now;
    edges.forEach((at, index) => {
      mcu.runUntil(start + at);
      mcu.pin(1, 1).drive((index % 2) as Level);
    });
    unit.cycles(100);
    expect([registers.readByte(uca0.BR0), registers.readByte(uca0.BR1)]).toEqual([80, 0]);
    expect(registers.readByte(uca0.MCTL)).toBe(4 << 1);
    expect(unit.status()).toBe(stat.UCBRK);
    unit.character(eight(0xc3), 80.5);
    unit.rxd(1, 1);
    expect(unit.read()).toBe(0xc3);
    expect(unit.status()).toBe(0);
  });

  it('oversampling gets UCBRx and UCBRFx', () => {
    const unit = bench({ control0, divider: 6, modulation: 0x81 });
    unit.registers.writeByte(uca0.ABCTL, abctl.UCABDEN);
    synchronise(unit, 90);
    // 90 = 5 * 16 + 10.
    expect(unit.registers.readByte(uca0.BR0)).toBe(5);
    expect(unit.registers.readByte(uca0.MCTL)).toBe(0xa1);
  });

  it('erratum USCI24: oversampling reports a UCBRx of 2 as 0x5555', () => {
    const unit = bench({ control0, divider: 2, modulation: 0x81 });
    unit.registers.writeByte(uca0.ABCTL, abctl.UCABDEN);
    synchronise(unit, 40);
    expect([unit.registers.readByte(uca0.BR0), unit.registers.readByte(uca0.BR1)]).toEqual([0x55, 0x55]);
  });

  it('without UCABDEN the field is received and the rate stays', () => {
    const unit = bench({ control0 });
    synchronise(unit, 90);
    expect(unit.status()).toBe(stat.UCBRK);
    expect(unit.registers.readByte(uca0.BR0)).toBe(BIT);
    expect(unit.flags() & RXIFG).toBe(0);
  });

  it('UCBRKIE makes the field an interrupt', () => {
    const unit = bench({ control0, control1: ctl1.UCBRKIE });
    synchronise(unit, BIT);
    expect([unit.flags() & RXIFG, unit.status()]).toEqual([RXIFG, stat.UCBRK]);
    unit.read();
    expect([unit.flags() & RXIFG, unit.status()]).toEqual([0, 0]);
  });

  it('UCDORM lets only the character behind the field through', () => {
    const unit = bench({ control0, control1: ctl1.UCDORM });
    unit.character(eight(0x11));
    expect(unit.flags() & RXIFG).toBe(0);
    synchronise(unit, BIT);
    expect(unit.flags() & RXIFG).toBe(0);
    unit.character(eight(0x22));
    expect([unit.flags() & RXIFG, unit.read()]).toEqual([RXIFG, 0x22]);
    unit.character(eight(0x33));
    expect(unit.flags() & RXIFG).toBe(0);
  });

  it('needs eleven low bits: ten are a character 0 with a framing error', () => {
    const unit = bench({ control0, control1: ctl1.UCRXEIE });
    unit.rxd(0, 10.5);
    unit.rxd(1, 1);
    expect(unit.status()).toBe(stat.UCFE | stat.UCRXERR);
    expect(unit.read()).toBe(0);
    unit.character(eight(0x77));
    expect(unit.read()).toBe(0x77);
  });

  it('UCBTOE tells of a break of more than 22 bits, UCSTOE of a synch field that is too long', () => {
    const unit = bench({ control0 });
    const { registers } = unit;
    registers.writeByte(uca0.ABCTL, abctl.UCABDEN);
    synchronise(unit, BIT, 21);
    expect(registers.readByte(uca0.ABCTL)).toBe(abctl.UCABDEN);
    unit.rxd(0, 23, BIT);
    expect(registers.readByte(uca0.ABCTL)).toBe(abctl.UCABDEN | abctl.UCBTOE);
    unit.rxd(1, 1);
    unit.rxd(0, 1);
    unit.rxd(1, 1);
    unit.cycles(8 * 0x7fff);
    expect(registers.readByte(uca0.ABCTL)).toBe(abctl.UCABDEN | abctl.UCBTOE | abctl.UCSTOE);
    registers.writeByte(uca0.CTL1, SMCLK | ctl1.UCSWRST);
    expect(registers.readByte(uca0.ABCTL)).toBe(abctl.UCABDEN);
  });

  it('UCTXBRK sends 13 low bits, a delimiter of UCDELIMx + 1 and the synch character', () => {
    for (const delimiter of [0, 3]) {
      const { registers, control1, send, txd, cycles, flags } = bench({ control0 });
      registers.writeByte(uca0.ABCTL, delimiter << 4);
      control1(ctl1.UCTXBRK);
      send(0x55);
      cycles(2);
      expect(flags() & TXIFG).toBe(0);
      expect(txd(13 + delimiter + 1 + 10)).toBe(`${'0'.repeat(13)}${'1'.repeat(delimiter + 1)}0${eight(0x55)}`);
      expect(registers.readByte(uca0.CTL1) & ctl1.UCTXBRK).toBe(0);
    }
  });

  it('two of these UARTs agree: what one sends, the other measures', () => {
    const unit = bench({ control0 });
    const { registers, control1, send, cycles, status } = unit;
    registers.writeByte(uca0.STAT, stat.UCLISTEN);
    registers.writeByte(uca0.ABCTL, abctl.UCABDEN);
    control1(ctl1.UCTXBRK);
    send(0x55);
    cycles(26 * BIT);
    expect([registers.readByte(uca0.BR0), registers.readByte(uca0.MCTL)]).toEqual([BIT, 0]);
    expect(status() & stat.UCBRK).toBe(stat.UCBRK);
  });
});

describe('UC0CLK as BRCLK (UCSSELx = 0)', () => {
  it('counts the edges on P1.4', () => {
    const { mcu, registers, send, flags } = bench({ divider: 4 });
    registers.writeByte(uca0.CTL1, ctl1.UCSWRST);
    registers.writeByte(0x26, 0x16);
    registers.writeByte(0x41, 0x16);
    registers.writeByte(uca0.CTL1, 0);
    const clock = mcu.pin(1, 4);
    const tick = (edges: number) => {
      for (let edge = 0; edge < edges; edge++) {
        clock.drive(1);
        mcu.runUntil(mcu.scheduler.now + 5);
        clock.drive(0);
        mcu.runUntil(mcu.scheduler.now + 7);
      }
    };
    send(0x5a);
    mcu.runUntil(mcu.scheduler.now + 5000);
    expect([mcu.pin(1, 2).level, flags() & TXIFG]).toEqual([1, 0]);
    let levels = '';
    tick(3);
    for (let bit = 0; bit < 10; bit++) {
      levels += mcu.pin(1, 2).level;
      tick(4);
    }
    expect(levels).toBe(`0${eight(0x5a)}`);
  });

  it('receives with it', () => {
    const { mcu, registers, read, flags } = bench({ divider: 4 });
    registers.writeByte(uca0.CTL1, ctl1.UCSWRST);
    registers.writeByte(0x26, 0x16);
    registers.writeByte(0x41, 0x16);
    registers.writeByte(uca0.CTL1, 0);
    const clock = mcu.pin(1, 4);
    for (const level of `0${eight(0xa7)}1`) {
      mcu.pin(1, 1).drive(level === '1' ? 1 : 0);
      for (let edge = 0; edge < 4; edge++) {
        clock.drive(1);
        mcu.runUntil(mcu.scheduler.now + 3);
        clock.drive(0);
        mcu.runUntil(mcu.scheduler.now + 3);
      }
    }
    expect([flags() & RXIFG, read()]).toEqual([RXIFG, 0xa7]);
  });
});

describe('majority vote', () => {
  it('a pulse over one of three looks changes nothing, over two it does', () => {
    for (const [from, length, wanted] of [
      [45, 6, 0xff],
      [45, 14, 0xfe],
    ] as const) {
      // UCBRx = 6: a bit is 16 BITCLK16 periods of 6, looked at after 7, 8 and 9 of them: 42, 48, 54.
      const { rxd, cycles, mcu, read } = bench({ divider: 6, modulation: 0x01 });
      rxd(0, 1, 96);
      rxd(1, 1, from);
      mcu.pin(1, 1).drive(0);
      cycles(length);
      mcu.pin(1, 1).drive(1);
      cycles(10 * 96);
      expect(read()).toBe(wanted);
    }
  });
});

describe('error flags', () => {
  const control1 = ctl1.UCRXEIE;

  it('stay until UCA0RXBUF is read, and UCRXERR with them', () => {
    const { character, rxd, status, read } = bench({ control1 });
    character('100000000');
    rxd(1, 1);
    expect(status()).toBe(stat.UCFE | stat.UCRXERR);
    read();
    expect(status()).toBe(0);
  });

  it('can be cleared by software', () => {
    const { character, rxd, status, registers } = bench({ control1 });
    character('100000000');
    rxd(1, 1);
    registers.writeByte(uca0.STAT, 0);
    expect(status()).toBe(0);
  });

  it('an overrun between reading UCA0STAT and UCA0RXBUF leaves UCOE, without UCRXERR', () => {
    const { character, status, read } = bench();
    character(eight(1));
    expect(status()).toBe(0);
    character(eight(2));
    expect(read()).toBe(2);
    expect(status()).toBe(stat.UCOE);
    character(eight(3));
    expect(read()).toBe(3);
    expect(status()).toBe(0);
  });

  it('looking does not touch them', () => {
    const { mcu, character, status, read } = bench();
    character(eight(1));
    mcu.peek(uca0.STAT);
    character(eight(2));
    mcu.peek(uca0.STAT);
    read();
    expect(status()).toBe(0);
  });
});

describe('IrDA receive filter', () => {
  it('takes pulses of (UCIRRXFLx + 4) half periods, and no shorter ones', () => {
    for (const [length, wanted] of [
      [7, 0],
      [9, RXIFG],
    ] as const) {
      const { registers, mcu, cycles, flags } = bench();
      // UCIREN; UCIRRXFL = 12: at least 8 periods of BRCLK; light is high.
      registers.writeByte(uca0.IRTCTL, 0x01);
      registers.writeByte(uca0.IRRCTL, (12 << 2) | 1);
      mcu.pin(1, 1).drive(0);
      cycles(1000);
      mcu.pin(1, 1).drive(1);
      cycles(length);
      mcu.pin(1, 1).drive(0);
      cycles(12 * BIT);
      expect(flags() & RXIFG).toBe(wanted);
    }
  });
});
