/**
 * How peripherals attach to the address space (SLAU144, "Memory Organization").
 *
 * 8-bit peripherals own byte addresses below 0x100, 16-bit peripherals own even word addresses 0x100 to 0x1FF. A hook
 * without `write` ignores writes; one without `read` reads 0. `peek` is a read without side effects, for debuggers and
 * traces; without it `read` has none.
 */
export interface RegisterHook {
  read?(): number;
  write?(value: number): void;
  peek?(): number;
}

export interface RegisterBus {
  /** Attaches an 8-bit register. Throws `REGISTER_TAKEN` when the address has an owner. */
  mapByte(address: number, hook: RegisterHook): void;
  /** Attaches a 16-bit register at an even address. Byte access reads the half; a byte write clears the other half. */
  mapWord(address: number, hook: RegisterHook): void;
}
