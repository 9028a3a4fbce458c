import { describe, expect, it } from 'vitest';
import { readSenml } from './senml.ts';

describe('readSenml', () => {
  it('reads the pack of the data model with base name and base time', () => {
    const pack = [
      { bn: 'urn:dev:mac:0200000000010002:', bt: 1.7953e9, n: 'temp', u: 'Cel', v: 23.1 },
      { n: 'light', u: 'lx', v: 412 },
    ];
    const [sample, ...more] = readSenml(pack, 0);
    expect(more).toEqual([]);
    expect(sample!.timeSeconds).toBe(1.7953e9);
    expect([...sample!.values]).toEqual([
      ['temp', { value: 23.1, unit: 'Cel' }],
      ['light', { value: 412, unit: 'lx' }],
    ]);
  });

  it('adds base value and record time, keeps the base unit, and sorts the moments', () => {
    const pack = [
      { bt: 1e9, bu: 'V', bv: 3, n: 'supply', t: 2, v: 0.25 },
      { n: 'supply', t: 1, v: 0.5 },
    ];
    expect(readSenml(pack, 0).map(({ timeSeconds, values }) => [timeSeconds, values.get('supply')])).toEqual([
      [1e9 + 1, { value: 3.5, unit: 'V' }],
      [1e9 + 2, { value: 3.25, unit: 'V' }],
    ]);
  });

  it('counts times below 2^28 from now (RFC 8428, section 4.5.3)', () => {
    expect(readSenml([{ n: 'x', v: 1, t: -5 }], 1000)[0]!.timeSeconds).toBe(995);
  });

  it('reads booleans and leaves out what a chart cannot draw', () => {
    const [sample] = readSenml(
      [
        { bt: 1e9, n: 'button', vb: true },
        { n: 'label', vs: 'on' },
      ],
      0,
    );
    expect([...sample!.values.keys()]).toEqual(['button']);
    expect(sample!.values.get('button')!.value).toBe(1);
  });

  it('leaves out values that no axis can show', () => {
    expect(readSenml([{ bt: 1e9, n: 'x', v: 1e300 }], 0)).toEqual([]);
  });

  it.each([null, 7, 'text', {}, [1], [null], [[]]])('finds no samples in %j', (data) => {
    expect(readSenml(data, 0)).toEqual([]);
  });
});
