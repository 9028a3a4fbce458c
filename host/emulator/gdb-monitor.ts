/** Commands of `monitor` in GDB: the words that mspdebug's stub knows for a reset and an erase, and what time it is. */

import type { GdbTarget } from './gdb-target.ts';

const help = `reset         power-on reset; the program stands at its first instruction
erase         erase main flash
erase all     and info memory B, C and D; info A keeps the calibration
erase segment ADDRESS
status        board time, cycles, instructions, power mode
help          this list`;

/** What it prints; empty when it was done without a word. */
export function monitorCommand(target: GdbTarget, command: string): string {
  const [name, ...words] = command.split(/\s+/);
  switch (name) {
    case 'reset':
      target.reset();
      return '';
    case 'erase':
      return erase(target, words);
    case 'status':
      return status(target);
    case 'help':
      return help;
    default:
      return `"${command}" is no command\n${help}`;
  }
}

function erase(target: GdbTarget, [what, text]: readonly string[]): string {
  if (what === undefined || what === 'main') target.eraseMain(false);
  else if (what === 'all') target.eraseMain(true);
  else {
    const address = what === 'segment' && text !== undefined ? Number(text) : Number.NaN;
    const size = address >= 0xc000 ? 512 : 64;
    if (!Number.isInteger(address) || !target.erase(address - (address % size), size)) {
      return 'erase takes nothing, "all", or "segment" and an address in flash, e.g. erase segment 0x1000';
    }
  }
  return '';
}

function status({ mcu }: GdbTarget): string {
  const state = mcu.sleeping ? `asleep, SR ${mcu.registers[2]!.toString(16).padStart(4, '0')}` : 'awake';
  return (
    `${mcu.scheduler.seconds().toFixed(9)} s, ${mcu.activeCycles} MCLK cycles awake, ${mcu.instructions} instructions, ` +
    `MCLK ${Math.round(mcu.clocks.mclk.frequencyHz)} Hz, ${state}`
  );
}
