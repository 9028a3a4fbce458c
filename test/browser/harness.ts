/** What the browser tests share: the built page, a browser context that notes complaints, rendered text, patience. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Pictures for people; ignored by git. */
export const screenshots = join(root, 'build/screenshots');

/** For `expect.poll`: generous, because only a broken page ever uses it up. */
export const patience = { timeout: 15_000, interval: 50 };

/** Builds the page into a folder of its own and returns the folder. */
export function buildPage(name: string): string {
  const folder = join(root, 'build/test-web', name);
  const built = spawnSync(process.execPath, [join(root, 'tools/build-web.mjs'), folder], { encoding: 'utf8' });
  expect(built.stderr).toBe('');
  expect(built.status).toBe(0);
  return folder;
}

/** A page at `url`, and a list that gets every error the browser reports about it. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  await page.locator('#link-text:not(:text-is("Connecting"))').waitFor();
  return { page, complaints };
}

/** The text as it is rendered: what is hidden does not count. */
export function text(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: rendered text is the point
  return locator.innerText();
}
