/** Starts the Chromium of this machine, headless and quiet, with a profile of its own that is deleted afterwards. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { EarlError } from '../../errors/index.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The executable: `CHROMIUM`, or the first of the usual names on PATH. Throws `CHROMIUM_NOT_FOUND`. */
export function chromiumPath(): string {
  const named = process.env['CHROMIUM'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = named ? [named] : names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new EarlError(
    'CHROMIUM_NOT_FOUND',
    named
      ? `CHROMIUM is ${named}, which cannot be executed: correct it or unset it`
      : 'the dashboard is tested in Chromium, which is not on PATH: apt-get install chromium, or set CHROMIUM to its path',
  );
}

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), headless: true, args: switches });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
