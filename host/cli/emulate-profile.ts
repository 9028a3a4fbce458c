/**
 * `earl emulate --profile [FILE]`: the cycles by function and the energy by mode, as tables on stderr and as JSON.
 *
 * A hex file has no symbols: those of an ELF file are taken when it holds exactly the same code.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { EarlError, errorMessage } from '../../errors/index.ts';
import {
  type Board,
  type Energy,
  EnergyMeter,
  type EnergyShare,
  type FunctionSymbol,
  type Image,
  loadImage,
  type Profile,
  Profiler,
} from '../emulator/index.ts';
import { findImageFile } from '../transport/firmware-image.ts';
import { packageRoot } from './package-root.ts';

const TABLE_ROWS = 30;
const SPOT_ROWS = 10;

export interface ProfileRun {
  /** Writes the tables and the file; returns what `--json` prints. */
  finish(): object;
}

/** Begins before the program is loaded. */
export function startProfile(board: Board, name: string, image: Image, file: string | undefined): ProfileRun {
  const { functions, source } = symbolsOf(name, image);
  console.error(`profile: ${source}`);
  const profiler = new Profiler(board.mcu, functions);
  const meter = new EnergyMeter(board.mcu);
  return {
    finish: () => {
      profiler.stop();
      meter.stop();
      const profile = profiler.report();
      const energy = meter.report();
      console.error(profileTable(profile, energy));
      const result = { symbols: source, supplyVolts: board.mcu.supplyVolts, ...profile, energy };
      if (file !== undefined) write(file, `${JSON.stringify(result, undefined, 1)}\n`);
      return { kind: 'profile', ...result };
    },
  };
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new EarlError('USAGE', `cannot write the profile: ${errorMessage(error)}`, { cause: error });
  }
}

/** The functions of an image, and a sentence on where they come from. */
export function symbolsOf(name: string, image: Image): { functions: readonly FunctionSymbol[]; source: string } {
  if (image.functions.length > 0) return { functions: image.functions, source: `functions of ${name}` };
  const file = fileOf(name);
  for (const candidate of elfCandidates(file)) {
    const elf = loadImage(new Uint8Array(readFileSync(candidate)));
    if (sameFlash(elf, image)) return { functions: elf.functions, source: `functions of ${candidate}, the same code` };
  }
  return {
    functions: [],
    source:
      `${file} has no symbols and no ELF file beside it or in firmware/build holds the same code: functions are named by ` +
      'address. Give the ELF file itself for names',
  };
}

/** A recording may come from a machine that had a file which this one has not. */
function fileOf(name: string): string {
  try {
    return findImageFile(name);
  } catch {
    return name;
  }
}

function elfCandidates(file: string): string[] {
  const stem = basename(file, extname(file));
  const build = join(packageRoot(), 'firmware', 'build');
  const folders = existsSync(build) ? readdirSync(build).map((compiler) => join(build, compiler)) : [];
  return [dirname(file), ...folders].map((folder) => join(folder, `${stem}.elf`)).filter((each) => existsSync(each));
}

function sameFlash(a: Image, b: Image): boolean {
  return Buffer.compare(flashOf(a), flashOf(b)) === 0;
}

function flashOf({ segments }: Image): Buffer {
  const flash = Buffer.alloc(0x10000, 0xff);
  for (const { address, data } of segments) flash.set(data, address);
  return flash.subarray(0xc000);
}

/** Tables for people. */
export function profileTable(profile: Profile, energy: Energy): string {
  const { cycles, instructions, wakeUps } = profile;
  const rate = energy.seconds > 0 ? 1 / energy.seconds : 0;
  const head =
    `${instructions} instructions, ${cycles} cycles; a second: ${Math.round(instructions * rate)} instructions, ` +
    `${Math.round(cycles * rate)} cycles, ${(wakeUps * rate).toFixed(1)} wake-ups`;
  return [head, '', ...functionTable(profile), '', ...spotTable(profile), '', ...energyTable(energy)].join('\n');
}

function functionTable({ functions, cycles, interrupts }: Profile): string[] {
  const rows = functions
    .slice(0, TABLE_ROWS)
    .map((row) => [
      row.name,
      row.context,
      percent(row.cycles, cycles),
      row.cycles,
      row.instructions,
      row.calls,
      row.calls > 0 ? Math.round(row.totalCycles / row.calls) : '',
    ]);
  const left = functions.length - rows.length;
  return [
    ...table(['function', 'in', 'share', 'cycles', 'instructions', 'calls', 'cycles a call, with callees'], rows, 2),
    ...(left > 0 ? [`… and ${left} more`] : []),
    '',
    ...table(
      ['interrupt', 'count', 'share', 'cycles', 'longest'],
      interrupts.map((row) => [row.vector, row.count, percent(row.cycles, cycles), row.cycles, row.longestCycles]),
      1,
    ),
  ];
}

function spotTable({ hotSpots, cycles }: Profile): string[] {
  const rows = hotSpots
    .slice(0, SPOT_ROWS)
    .map((spot) => [
      `0x${spot.address.toString(16)}`,
      spot.name,
      percent(spot.cycles, cycles),
      spot.cycles,
      spot.executions,
    ]);
  return table(['instruction', 'in', 'share', 'cycles', 'executions'], rows, 2);
}

function energyTable({ seconds, modes, parts, averageUa, maximumUa, energyUj }: Energy): string[] {
  const charge = averageUa * seconds;
  const row = (share: EnergyShare) => [
    share.what,
    share.seconds.toFixed(6),
    percent(share.seconds, seconds),
    (share.typicalUc / share.seconds).toPrecision(3),
    share.typicalUc.toPrecision(4),
    percent(share.typicalUc, charge),
  ];
  const spread = averageUa > 0 ? Math.round(100 * (maximumUa / averageUa - 1)) : 0;
  return [
    ...table(['mode', 'seconds', 'of time', 'µA', 'charge µC', 'of charge'], [...modes.map(row), ...parts.map(row)], 1),
    `MSP430G2553 alone: average ${averageUa.toPrecision(3)} µA ± ${spread} % (typical; the data sheet's maximum is ` +
      `${maximumUa.toPrecision(3)} µA), ${(energyUj / 1000).toPrecision(3)} mJ. Source: SLAS735, see docs/debugging.md.`,
  ];
}

function percent(part: number, whole: number): string {
  return `${(whole > 0 ? (100 * part) / whole : 0).toFixed(1)} %`;
}

/** Columns as wide as they must be; the first `textColumns` are flush left. */
function table(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  textColumns: number,
): string[] {
  const cells = [heads, ...rows.map((row) => row.map(String))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) =>
    row
      .map((cell, column) => (column < textColumns ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
