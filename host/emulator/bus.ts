/**
 * How peripherals attach to the address space (SLAU144, "Memory Organization").
 *
 * 8-bit peripherals own byte addresses below 0x100, 16-bit peripherals own even word addresses 0x100 to 0x1FF. The chip's
 * own peripherals are one `RegisterOwner` each for all their registers, because a fleet has thousands of chips; a part
 * with a register or two is as well served by a hook for each.
 */

/** A peripheral as the owner of registers: asked by address, of word registers always the even one. */
export interface RegisterOwner {
  readRegister(address: number): number;
  writeRegister(address: number, value: number): void;
  /** A read without side effects, for debuggers and traces. */
  peekRegister(address: number): number;
}

/**
 * One register. A hook without `write` ignores writes; one without `read` reads 0. `peek` is a read without side effects;
 * without it `read` has none.
 */
export interface RegisterHook {
  read?(): number;
  write?(value: number): void;
  peek?(): number;
}

export interface RegisterBus {
  /** Gives registers to a peripheral. Throws `REGISTER_TAKEN` when one of them has an owner. */
  own(addresses: readonly number[], owner: RegisterOwner): void;
  /** Attaches an 8-bit register. Throws `REGISTER_TAKEN` when the address has an owner. */
  mapByte(address: number, hook: RegisterHook): void;
  /** Attaches a 16-bit register at an even address. Byte access reads the half; a byte write clears the other half. */
  mapWord(address: number, hook: RegisterHook): void;
}
