/** Where programs come from: the released images beside the page, or a file of the user's. */

import { EarlError } from '../../../errors/index.ts';
import { type Image, loadImage } from '../../../host/emulator/index.ts';

/** Relative to the page. */
const FOLDER = '../images/';
/** No program for 16 KB of flash is larger in any format that is read. */
const MAX_FILE_BYTES = 16 << 20;

interface Manifest {
  readonly firmwareVersion: string;
  readonly images: Readonly<Record<string, { readonly file: string; readonly flashBytes: number }>>;
}

export interface ReleasedProgram {
  readonly name: string;
  readonly file: string;
  readonly flashBytes: number;
}

/** The images of this release. Rejects with `IMAGE_NOT_FOUND`. */
export async function releasedPrograms(): Promise<ReleasedProgram[]> {
  const response = await get('manifest.json');
  const manifest = (await response.json()) as Manifest;
  return Object.entries(manifest.images).map(([name, { file, flashBytes }]) => ({ name, file, flashBytes }));
}

/** Rejects with `IMAGE_NOT_FOUND` or an `IMAGE_…` error that says what is wrong with the file. */
export async function loadReleased({ file }: ReleasedProgram): Promise<Image> {
  const response = await get(file);
  return loadImage(new Uint8Array(await response.arrayBuffer()));
}

/** ELF, Intel HEX, TI-TXT or TI COFF. Rejects with an `IMAGE_…` error. */
export async function loadFile(file: File): Promise<Image> {
  if (file.size > MAX_FILE_BYTES) {
    throw new EarlError('IMAGE_FORMAT', 'a file of this size is no program for an MSP430G2553');
  }
  return loadImage(new Uint8Array(await file.arrayBuffer()));
}

async function get(name: string): Promise<Response> {
  const response = await fetch(FOLDER + name);
  if (response.ok) return response;
  throw new EarlError(
    'IMAGE_NOT_FOUND',
    `the server has no ${name} (status ${response.status}): build it with npm run build`,
  );
}
