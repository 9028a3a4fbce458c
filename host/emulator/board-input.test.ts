import { describe, expect, it } from 'vitest';
import { Board } from './board.ts';
import { readInput } from './board-input.ts';
import { imageFromWords } from './image/words.ts';

/** Stops the watchdog and sleeps in LPM0: pins as after a reset. */
const idle = imageFromWords([0x40b2, 0x5a80, 0x0120, 0xd032, 0x0010]);

function idleBoard(): Board {
  const board = new Board({ alive: false });
  board.load(idle);
  return board;
}

describe('inputs', () => {
  it('set the world, several at once', () => {
    const board = idleBoard();
    readInput({ lux: 800, temperature: 31, supply: 2.5, acceleration: [1, 0, 0] })(board);
    expect([board.lux, board.mcu.temperatureCelsius, board.mcu.supplyVolts]).toEqual([800, 31, 2.5]);
    expect(board.world.acceleration(0)).toEqual([1, 0, 0]);
    readInput({ lux: null, temperature: null, supply: null, acceleration: null })(board);
    expect([board.lux, board.mcu.temperatureCelsius, board.mcu.supplyVolts]).toEqual([300, 22.5, 3.3]);
  });

  it('press buttons and hold the bus', () => {
    const board = idleBoard();
    const levels = () => [board.pin('P1.3').level, board.pin('P1.6').level, board.pin('P1.7').level];
    expect(levels()).toEqual([1, 1, 1]);
    readInput({ button: 'press', i2c: { holdScl: true } })(board);
    expect(levels()).toEqual([0, 0, 1]);
    readInput({ button: 'release', i2c: { holdScl: false } })(board);
    readInput({ i2c: { holdSda: true } })(board);
    expect(levels()).toEqual([1, 1, 0]);
    board.mcu.setRegister(5, 1);
    readInput({ reset: true })(board);
    expect(board.mcu.registers[5]).toBe(0);
  });

  it('move the state pin of a radio module, and let it go', () => {
    const board = idleBoard();
    const pin = board.pin('P2.3');
    pin.pull(1);
    const levels = ['idle', 'connected', 'idle', 'none'].map((bridge) => {
      readInput({ bridge })(board);
      return pin.level;
    });
    expect(levels).toEqual([0, 1, 0, 1]);
  });

  it.each([
    [3, 'write an object'],
    [{ lux: 'bright' }, '"lux" is a number'],
    [{ uart: 'xy' }, 'hex bytes'],
    [{ uart: '123' }, 'hex bytes'],
    [{ uartNoise: { rate: 2 } }, 'probability'],
    [{ uartNoise: 1 }, 'probability'],
    [{ optics: { led1: 'much' } }, '"led1" is a number'],
    [{ i2c: { refuse: { byte: 1 } } }, '"byte" is none of'],
    [{ i2c: { holdSda: true, holdScl: true } }, 'one field'],
    [{ button: 'hit' }, '"press"'],
    [{ reset: false }, '"reset" is true'],
    [{ bridge: true }, '"connected", "idle" or "none"'],
    [{ bridge: 'toString' }, '"connected", "idle" or "none"'],
    [{ rain: 1 }, 'none of lux'],
  ])('%j is refused', (input, hint) => {
    expect(() => readInput(input)).toThrowError(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(hint) }),
    );
  });

  it('an LED that is not there is refused when it should shine', () => {
    expect(() => readInput({ optics: { 'middle.red': 5 } })(idleBoard())).toThrowError(/middle\.red/);
    expect(() => readInput({ optics: { led1: -5 } })(idleBoard())).toThrowError(/0 lux or more/);
  });
});

describe('optical path', () => {
  const convert = (destination: number) => [
    0xd0b2,
    0x0003,
    0x01b0,
    0xb392,
    0x01b2,
    0x23fd,
    0x4292,
    0x01b4,
    destination,
  ];
  /** A conversion of A4 with LED1 off, to 0x200, and one with it on, to 0x202; then LPM4. */
  const blink = imageFromWords([
    ...[0x40b2, 0x5a80, 0x0120, 0x40b2, 0x1810, 0x01b0, 0x40b2, 0x4000, 0x01b2, 0x43d2, 0x0022],
    ...convert(0x0200),
    ...[0x43d2, 0x0021],
    ...convert(0x0202),
    ...[0xd032, 0x00f0],
  ]);
  const measured = (lux: number) => {
    const board = new Board({ alive: false });
    readInput({ optics: { led1: lux } })(board);
    board.load(blink);
    board.runFor(0.01);
    return [board.mcu.peekWord(0x200), board.mcu.peekWord(0x202)];
  };
  /** 1.1 mV a lux, 1023 at 3.3 V. */
  const code = (lux: number) => Math.round((1023 * lux * 0.0011) / 3.3);

  it('couples an LED into the phototransistor', () => {
    expect(measured(0)).toEqual([code(300), code(300)]);
    expect(measured(500)).toEqual([code(300), code(800)]);
  });

  it('follows the brightness of the LED driver', () => {
    const board = idleBoard();
    readInput({ lux: 100, optics: { 'lower.red': 200, 'upper.blue': 50 } })(board);
    expect(board.lux).toBe(100);
    board.ledDriver.start(false);
    // Select2 = 0x42: P1 and P6 steadily on.
    for (const byte of [0x02, 0x42]) board.ledDriver.write(byte);
    board.ledDriver.stop();
    expect(board.lux).toBe(350);
    readInput({ optics: { 'lower.red': 0 } })(board);
    expect(board.lux).toBe(150);
  });
});

describe('noise on the serial line', () => {
  const errorsOf = (seed: number, rate: number) => {
    const board = idleBoard();
    readInput({ uartNoise: { rate, seed } })(board);
    const edges: [number, number][] = [];
    board.pin('P1.1').onChange((level) => edges.push([board.mcu.scheduler.now, level]));
    readInput({ uart: '55'.repeat(1000) })(board);
    board.runFor(1.1);
    return { errors: board.uart.bitErrors, edges };
  };

  it('flips bits at the given rate, the same ones for the same seed', () => {
    const { errors, edges } = errorsOf(7, 0.01);
    // 10000 bits: 100 on average, with a standard deviation of 10.
    expect(errors).toBeGreaterThan(60);
    expect(errors).toBeLessThan(140);
    expect(errorsOf(7, 0.01).edges).toEqual(edges);
    expect(errorsOf(8, 0.01).edges).not.toEqual(edges);
  });

  it('is none at rate 0 and when it ends', () => {
    expect(errorsOf(7, 0).errors).toBe(0);
    const board = idleBoard();
    readInput({ uartNoise: { rate: 1 } })(board);
    readInput({ uartNoise: null })(board);
    readInput({ uart: '00ff' })(board);
    board.runFor(0.01);
    expect(board.uart.bitErrors).toBe(0);
  });
});
