import { describe, expect, it } from 'vitest';
import { colorName, parseHex, swatches, toHex } from './color.ts';
import { counterRows, healthRows } from './details.ts';
import { formatAge, formatHz, formatMs, formatNumber, formatWithUnit, quantitiesOf } from './quantities.ts';
import { TimeOffset } from './time-offset.ts';

describe('quantities', () => {
  it('puts the three axes into one chart and keeps unknown quantities', () => {
    expect(quantitiesOf(['temp', 'z', 'x', 'y', 'ph']).map(({ title, names }) => [title, names])).toEqual([
      ['Acceleration', ['x', 'y', 'z']],
      ['Temperature', ['temp']],
      ['ph', ['ph']],
    ]);
  });

  it('writes numbers with unit, words for states, and a true minus', () => {
    const [temperature] = quantitiesOf(['temp']);
    const [button] = quantitiesOf(['button']);
    expect(formatWithUnit(temperature!, 21.46, 'Cel')).toBe('21.5 °C');
    expect(formatWithUnit(temperature!, undefined, 'Cel')).toBe('–');
    expect(formatNumber(temperature!, -3)).toBe('−3.0');
    expect(formatNumber(temperature!, -0.01)).toBe('0.0');
    expect(formatWithUnit(button!, 1, '/')).toBe('pressed');
  });

  it('writes times and rates at a glance', () => {
    expect([0.04, 9.96, 61, 150, 9000].map(formatAge)).toEqual(['0.0 s', '10 s', '61 s', '3 min', '3 h']);
    expect([0.1, 4, 50, undefined].map(formatHz)).toEqual(['0.10 Hz', '4.0 Hz', '50 Hz', '–']);
    expect([3.44, 41.2, 1234].map(formatMs)).toEqual(['3.4 ms', '41 ms', '1.2 s']);
  });
});

describe('color', () => {
  it('names its own swatches', () => {
    for (const { name, hex } of swatches) expect(colorName(parseHex(hex)!), hex).toBe(name.toLowerCase());
  });

  it('names dim, pale and no light', () => {
    expect(colorName([0, 0, 0])).toBe('off');
    expect(colorName([17, 0, 0])).toBe('dim red');
    expect(colorName([255, 170, 170])).toBe('pale red');
  });

  it('reads and writes hex', () => {
    expect(parseHex(' F80 ')).toEqual([255, 136, 0]);
    expect(toHex([255, 136, 0])).toBe('#ff8800');
    expect(['', '#12', '#12345g', 'red'].map(parseHex)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('counters', () => {
  it('puts what matters into sentences, and the rest into words, to a depth', () => {
    expect(healthRows({ upMs: 60_000, awakeMs: 900, link: { lost: 3, received: 1197 } })).toEqual([
      ['Lost frames', '3 of 1200 (0.25 %)'],
      ['Running for', '60 s'],
      ['CPU awake', '1.5 % of that'],
    ]);
    const deep = { a: { b: { c: { d: 1 } } } };
    expect(counterRows({ name: 'counters', crcErrors: 1234, link: { framesLost: 2 }, deep })).toEqual([
      ['crc errors', '1,234'],
      ['link: frames lost', '2'],
    ]);
  });
});

describe('TimeOffset', () => {
  it('is the fastest sample of the last windows, whatever a spool delivers late', () => {
    const offset = new TimeOffset();
    expect(offset.seconds).toBe(0);
    offset.observe(100, 160.02);
    offset.observe(150, 160.5);
    offset.observe(151, 161);
    expect(offset.seconds).toBeCloseTo(10, 6);
    for (let t = 0; t < 90; t++) offset.observe(200 + t, 205 + t);
    expect(offset.seconds).toBeCloseTo(5, 6);
  });
});
