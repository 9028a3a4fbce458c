/** Fails the build for an image that must not be flashed: node ../tools/run.mjs tools/check-image.ts IMAGE.elf ... */
import { rmSync } from 'node:fs';
import { defectsOf, readImage, reportOf } from './image.ts';

for (const path of process.argv.slice(2)) {
  const image = readImage(path);
  const defects = defectsOf(image, reportOf(image));
  for (const defect of defects) console.error(`${path}: ${defect}`);
  if (defects.length === 0) continue;
  rmSync(path);
  process.exitCode = 1;
}
