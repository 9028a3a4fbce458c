/**
 * Prints flash, RAM and worst-case stack of images and fails over budget: node ../tools/run.mjs tools/size.ts IMAGE.elf ...
 * Budgets (docs/adr/0007): for the images with all features 408 bytes of RAM with the worst-case stack, and 7680 bytes of
 * flash for the ball; for those without any (--plain) the 400 and 6144 bytes that they always kept to. The other images
 * may fill the flash. clang 14 makes code a fifth larger, so with --compiler=clang the chip's flash is the ball's budget
 * too, and a line says so.
 */
import { basename } from 'node:path';
import { readImage, reportOf } from './image.ts';

const isPlain = process.argv.includes('--plain');
const RAM_BUDGET = isPlain ? 400 : 408;
const FLASH_BUDGETS: Readonly<Record<string, number>> = { ball: isPlain ? 6144 : 7680 };
const FLASH_SIZE = 16384;
const isReleaseCompiler = !process.argv.includes('--compiler=clang');

const isVerbose = process.argv.includes('--paths');
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const columns = ['image', 'flash', 'budget', 'ram', 'stack main', '+ interrupt', 'ram + stack', 'budget'];
console.log(columns.map((column, i) => (i === 0 ? column.padEnd(12) : column.padStart(12))).join(''));

for (const path of paths) {
  const name = basename(path, '.elf');
  const { flash, ram, stack } = reportOf(readImage(path));
  const total = ram + stack.main + stack.interrupt;
  const releaseBudget = FLASH_BUDGETS[name] ?? FLASH_SIZE;
  const flashBudget = isReleaseCompiler ? releaseBudget : FLASH_SIZE;
  const row = [flash, flashBudget, ram, stack.main, stack.interrupt, total, RAM_BUDGET];
  console.log(name.padEnd(12) + row.map((value) => String(value).padStart(12)).join(''));
  if (isVerbose) {
    console.log(`  main       ${stack.mainPath.join(' > ')}`);
    console.log(`  interrupt  ${stack.interruptPath.join(' > ')}`);
  }
  if (!isReleaseCompiler && flash > releaseBudget)
    console.log(`  over the ${releaseBudget} bytes that the image has to keep to when msp430-elf-gcc builds it`);
  if (flash > flashBudget) fail(`${name}: ${flash} bytes of flash, ${flash - flashBudget} over its budget`);
  if (total > RAM_BUDGET) fail(`${name}: ${total} bytes of RAM with the stack, ${total - RAM_BUDGET} over the budget`);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
