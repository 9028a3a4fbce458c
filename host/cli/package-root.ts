/** Finds files that ship with the package, whether Earl runs from source, from dist/ or installed. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EarlError } from '../../errors/index.ts';

/** The folder that holds Earl's package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new EarlError('PACKAGE_BROKEN', 'cannot find the package.json of Earl: install it again');
    folder = parent;
  }
  return folder;
}
