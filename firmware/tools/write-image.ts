/**
 * Writes NAME.hex (Intel HEX) and NAME.txt (TI-TXT) beside NAME.elf. Neither clang nor lld brings objcopy on Debian, and a
 * file that two compilers share should have one writer.
 */
import { writeFileSync } from 'node:fs';
import { toIntelHex, toTiText } from './hex.ts';
import { readImage } from './image.ts';

for (const path of process.argv.slice(2)) {
  const image = readImage(path);
  writeFileSync(path.replace(/\.elf$/, '.hex'), toIntelHex(image.segments, image.entry));
  writeFileSync(path.replace(/\.elf$/, '.txt'), toTiText(image.segments));
}
