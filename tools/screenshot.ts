/**
 * Makes the README's picture of the dashboard: node tools/run.mjs tools/screenshot.ts [FILE.png]
 *
 * Nothing in it is painted: released firmware on three emulated boards, gateway, cloud, and the page in Chromium after a
 * minute of samples. It needs Chromium (test/browser/chromium.ts) and the images of firmware/dist.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { connect } from '../cloud/client/index.node.ts';
import { startCloud } from '../cloud/server/index.ts';
import { EarlError } from '../errors/index.ts';
import { packageRoot } from '../host/cli/package-root.ts';
import { Gateway, systemClock } from '../host/gateway/index.ts';
import { emulatedTransport } from '../host/transport/emulated.ts';
import { launchChromium } from '../test/browser/chromium.ts';
import { recompressPng } from './png.ts';

const VIEWPORT = { width: 1240, height: 820 };
/** Of a colour channel; the difference to 8 cannot be seen, but halves the file. */
const COLOR_BITS = 6;
/** The window of the charts, and a little more. */
const SAMPLING_MS = 63_000;
const ONLINE_MS = 20_000;
const LARGEST_BYTES = 300_000;

const file = resolve(process.argv[2] ?? join(packageRoot(), 'docs/images/dashboard.png'));
const webRoot = mkdtempSync(join(tmpdir(), 'earl-screenshot-'));
const closers: (() => unknown)[] = [() => rmSync(webRoot, { recursive: true })];
try {
  const built = spawnSync(process.execPath, [join(packageRoot(), 'tools/build-web.mjs'), webRoot], {
    stdio: 'inherit',
  });
  if (built.status !== 0) throw new EarlError('WEB_BUILD_FAILED', 'the dashboard does not build: see above');
  const picture = recompressPng(await takePicture(await openDashboard(await startRoad())), COLOR_BITS);
  if (picture.length > LARGEST_BYTES) {
    throw new EarlError(
      'PICTURE_TOO_LARGE',
      `the picture has ${picture.length} bytes, at most ${LARGEST_BYTES} are good`,
    );
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, picture);
  console.log(`${file}: ${picture.length} bytes`);
} finally {
  for (const close of closers.reverse()) await close();
}

/** Cloud, gateway and three boards; returns the dashboard's address. */
async function startRoad(): Promise<string> {
  const cloud = await startCloud({ port: 0, webRoot });
  closers.push(() => cloud.close());
  const client = connect({ url: cloud.url.replace('http', 'ws') });
  closers.push(() => client.close());
  const transports = ['emu:ball', 'emu:arm', 'emu:light'].map((url) => emulatedTransport(url));
  const log = ({ message }: { message: string }) => console.error(message);
  const gateway = new Gateway({ site: 'studio', transports, client, clock: systemClock, log });
  closers.push(() => gateway.close());
  return cloud.url;
}

async function openDashboard(url: string): Promise<Page> {
  const browser = await launchChromium();
  closers.push(() => browser.close());
  const context = await browser.newContext({ viewport: VIEWPORT, deviceScaleFactor: 2, colorScheme: 'light' });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function takePicture(page: Page): Promise<Buffer> {
  const [ball, arm, light] = ['Ball', 'Arm', 'Light'].map((name) => page.getByRole('article', { name }));
  for (const card of [ball!, arm!, light!])
    await card.and(page.locator('[data-state="online"]')).waitFor({ timeout: ONLINE_MS });
  await sleep(SAMPLING_MS);
  await setLed(ball!, 'Lower', 'Orange');
  await setLed(ball!, 'Upper', 'Violet');
  await arm!.getByRole('button', { name: 'Vibrate' }).click();
  await arm!.getByText('Acknowledged').waitFor();
  await page.evaluate('window.scrollTo(0, 0)');
  // Nothing shall be under the pointer or in focus.
  await page.mouse.move(0, 0);
  await page.evaluate('document.activeElement.blur()');
  await sleep(1000);
  return page.screenshot({ type: 'png' });
}

async function setLed(ball: Locator, led: string, color: string): Promise<void> {
  await ball.getByLabel(led).check();
  await ball.getByRole('button', { name: color }).click();
  await ball.getByText(`, ${color.toLowerCase()} (levels`).waitFor();
}
