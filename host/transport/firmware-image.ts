/**
 * Finds the program of an emulated board: a kind of probe, released in firmware/dist or just built, or any file.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { type Image, loadImage } from '../emulator/index.ts';

/** No program for 16 KB of flash is larger in any format that is read. */
const MAX_FILE_BYTES = 16 << 20;

/** Where the folder `firmware` is: beside or above this file, in a clone as in an installed package. */
function firmwareFolder(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, 'firmware');
    if (existsSync(join(folder, 'package.json')) && existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

/** Released images first; without one the newest build of any compiler. */
function imageOfKind(kind: string, folder: string): string | undefined {
  const released = join(folder, 'dist', `${kind}.hex`);
  if (existsSync(released)) return released;
  const build = join(folder, 'build');
  if (!existsSync(build)) return undefined;
  return readdirSync(build)
    .map((compiler) => join(build, compiler, `${kind}.hex`))
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** Kinds that have an image, for messages. */
function knownKinds(folder: string | undefined): string[] {
  const dist = folder && join(folder, 'dist');
  if (!dist || !existsSync(dist)) return [];
  return readdirSync(dist)
    .filter((file) => file.endsWith('.hex'))
    .map((file) => basename(file, '.hex'));
}

/**
 * The file of a kind (`ball`) or of a path. A name without a slash and a dot is a kind.
 * Throws `IMAGE_NOT_FOUND`.
 */
export function findImageFile(name: string): string {
  const isKind = /^[a-z][a-z0-9_]*$/.test(name);
  const folder = firmwareFolder();
  if (isKind) {
    const file = folder && imageOfKind(name, folder);
    if (file) return file;
  }
  if (existsSync(name) && statSync(name).isFile()) return name;
  const kinds = knownKinds(folder);
  const hint = kinds.length ? `kinds: ${kinds.join(', ')}` : 'run "make firmware" first';
  throw new EarlError(
    'IMAGE_NOT_FOUND',
    isKind
      ? `there is no image of a probe "${name}" (${hint}), and no file of that name`
      : `there is no file "${name}": give the path of an ELF, Intel HEX, TI-TXT or TI COFF file, or a kind of probe (${hint})`,
  );
}

/** Finds and reads a program. Throws `IMAGE_NOT_FOUND`, or an `IMAGE_…` error that says what is wrong with the file. */
export function readImage(name: string): Image {
  const file = findImageFile(name);
  if (statSync(file).size > MAX_FILE_BYTES) {
    throw new EarlError('IMAGE_FORMAT', `${file}: a file of this size is no program for an MSP430G2553`);
  }
  try {
    return loadImage(new Uint8Array(readFileSync(file)));
  } catch (error) {
    const code = error instanceof EarlError ? error.code : 'IMAGE_DAMAGED';
    throw new EarlError(code, `${file}: ${errorMessage(error)}`, { cause: error });
  }
}
