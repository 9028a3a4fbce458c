import { describe, expect, it } from 'vitest';
import { RegisterFile } from '../register-file.ts';
import { SpecialFunctionRegisters } from './sfr.ts';

describe('SpecialFunctionRegisters', () => {
  it('puts a register together from its owners and hands each its own bits', () => {
    const bus = new RegisterFile();
    const sfr = new SpecialFunctionRegisters(bus);
    const state = { low: 1, high: 8 };
    sfr.own('IFG2', 0x03, { read: () => state.low, write: (bits) => (state.low = bits) });
    sfr.own('IFG2', 0x0c, { read: () => state.high | 0x80, write: (bits) => (state.high = bits) });
    expect(bus.readByte(3)).toBe(9);
    bus.writeByte(3, 0xf6);
    expect(state).toEqual({ low: 2, high: 4 });
  });

  it('refuses a second owner', () => {
    const sfr = new SpecialFunctionRegisters(new RegisterFile());
    sfr.own('IE2', 0x03, { read: () => 0, write: () => undefined });
    expect(() => sfr.own('IE2', 0x02, { read: () => 0, write: () => undefined })).toThrow('owner');
  });
});
