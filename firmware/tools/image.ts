/** Sizes, stack and soundness of one linked image: what check-image, size and release share. */
import { readFileSync } from 'node:fs';
import { type ElfImage, memoryOf, readElf, symbolAddress } from './elf.ts';
import { StackAnalyzer, type StackUse } from './stack.ts';

export const RAM_START = 0x0200;
export const RAM_END = 0x0400;
const FLASH_START = 0xc000;
const VECTORS_START = 0xffe0;
const VECTORS_END = 0x10000;

export interface ImageReport {
  /** Bytes of flash, the vectors and the initial values of .data included. */
  readonly flash: number;
  /** Bytes of RAM without stack: .data, .bss and .noinit. */
  readonly ram: number;
  readonly stack: StackUse;
}

export function readImage(path: string): ElfImage {
  return readElf(readFileSync(path));
}

function functionNames(image: ElfImage): Map<number, string> {
  return new Map(image.symbols.filter((symbol) => symbol.isFunction).map((symbol) => [symbol.address, symbol.name]));
}

export function reportOf(image: ElfImage): ImageReport {
  const flash = image.segments.reduce((sum, segment) => sum + segment.bytes.length, 0);
  const ram = symbolAddress(image, '__stack_bottom') - RAM_START;
  const stack = new StackAnalyzer(memoryOf(image), functionNames(image)).analyze();
  return { flash, ram, stack };
}

/** What is wrong with the image, one sentence each; empty when it may be flashed. */
export function defectsOf(image: ElfImage, report: ImageReport): string[] {
  const defects = image.segments
    .filter((segment) => segment.address < FLASH_START || segment.address + segment.bytes.length > VECTORS_END)
    .map((segment) => `bytes at 0x${segment.address.toString(16)} are outside the flash`);
  defects.push(...vectorDefects(image));
  for (const { address, function: name } of report.stack.cpu4)
    defects.push(
      `erratum CPU4: ${name} has PUSH #4 or PUSH #8 in its one-word form at 0x${address.toString(16)}, which pushes a ` +
        'wrong value on the MSP430G2553 (SLAZ440); pass that argument in a register or through a variable',
    );
  return defects;
}

function vectorDefects(image: ElfImage): string[] {
  const section = image.sections.find((candidate) => candidate.name === '.vectors');
  if (section?.address !== VECTORS_START || section.size !== VECTORS_END - VECTORS_START)
    return ['the interrupt vectors are not the 32 bytes at 0xffe0'];
  const memory = memoryOf(image);
  const defects: string[] = [];
  for (let at = VECTORS_START; at < VECTORS_END; at += 2) {
    const target = (memory[at] ?? 0) | ((memory[at + 1] ?? 0) << 8);
    if (target < FLASH_START || target >= VECTORS_START || target % 2 !== 0)
      defects.push(`the vector at 0x${at.toString(16)} points to 0x${target.toString(16)}, which is no code`);
  }
  return defects;
}
