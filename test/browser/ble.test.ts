/**
 * The Bluetooth page in a real browser, with a navigator.bluetooth behind which emulated boards run released firmware.
 *
 * What it cannot show: the browser's own list of devices, and a radio. Pictures for people land in build/screenshots.
 */

import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import { bridgeServices } from '../../cloud/web/ble/uart-bridge.ts';
import { personalities } from '../../host/bridge/index.ts';
import { launchChromium } from './chromium.ts';
import { buildPage, patience, screenshots, text } from './harness.ts';
import { bridgeKinds, canonical, FakeBluetooth } from './web-bluetooth.ts';

const BALL = { image: 'ball', id: '02c0ffee00000ba1' };

let browser: Browser;
let cloud: Cloud;
let page: Page;
let air: FakeBluetooth;
let complaints: string[];

beforeAll(async () => {
  cloud = await startCloud({ port: 0, webRoot: buildPage('ble') });
  browser = await launchChromium();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await cloud?.close();
});

afterEach(async () => {
  await page?.context().close();
  await air?.close();
});

async function blank(options: BrowserContextOptions = {}): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
}

/** The page with Bluetooth. */
async function open(options: BrowserContextOptions = {}): Promise<void> {
  await blank(options);
  air = await FakeBluetooth.install(page);
  await page.goto(`${cloud.url}/ble`);
  await page.locator('body[data-ready]').waitFor({ state: 'attached' });
}

function button(name: string | RegExp): Locator {
  return page.getByRole('button', { name, exact: typeof name === 'string' });
}

function card(): Locator {
  return page.locator('article.card');
}

function device(): Locator {
  return page.locator('#devices > li');
}

/** Chooses the probe that is first in the list, and waits for its card. */
async function choose(): Promise<void> {
  await button('Find a probe…').click();
  await expect.poll(() => text(card()), patience).toContain('Online');
}

describe('a probe nearby', () => {
  it('is looked for under the services that the modules have', () => {
    const modules = Object.values(personalities).map(({ service, characteristics }) => [
      canonical(service),
      canonical(characteristics.find(({ stream }) => stream)!.uuid),
    ]);
    expect(bridgeServices.map(({ service, notify }) => [service, notify])).toEqual(modules);
  });

  it.each(bridgeKinds)('behind a %s module shows its samples and takes commands', async (bridge) => {
    await open();
    const { board } = air.add({ ...BALL, bridge });
    await choose();
    await expect.poll(() => text(device()), patience).toMatch(/^Earl00000ba1\s+Connected, /);
    expect(await text(card())).toMatch(/Ball 0ba1/);
    await expect.poll(() => text(card().locator('.readings').first()), patience).toBe('released');
    board.pressButton();
    await expect.poll(() => text(card().locator('.readings').first()), patience).toBe('pressed');
    await card().getByRole('button', { name: 'Orange' }).click();
    await expect
      .poll(() => text(card().locator('.outcome').first()), patience)
      .toMatch(/Reached #ff7700, orange.*Acknowledged/);
    expect(board.lights().upper[0]).toBeGreaterThan(0.9);
    expect(complaints).toEqual([]);
  });

  it('comes back by itself when it was out of reach, and ends when the user says so', async () => {
    await open();
    const probe = air.add(BALL);
    await choose();
    probe.lose();
    await expect.poll(() => text(device()), patience).toMatch(/Lost: the connection was lost/);
    await expect.poll(() => text(card()), patience).toContain('Offline');
    await expect.poll(() => text(device()), patience).toMatch(/Lost: .*no longer in range.*Trying again in \d+ s/);
    await card().getByRole('button', { name: 'Orange' }).click();
    await expect.poll(() => text(card().locator('.outcome').first()), patience).toContain('no Bluetooth connection');
    probe.reachable = true;
    await expect.poll(() => text(device()), patience).toContain('Connected');
    await expect.poll(() => text(card()), patience).toContain('Online');
    await button('Disconnect Earl00000ba1').click();
    await expect.poll(() => text(device()), patience).toContain('Not connected');
    expect(probe.module.connectedTo).toBeUndefined();
    await button('Connect Earl00000ba1').click();
    await expect.poll(() => text(card()), patience).toContain('Online');
    expect(await card().count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('stands beside another', async () => {
    await open();
    air.add(BALL);
    await choose();
    air.add({ image: 'light', id: '02c0ffee0000001d', bridge: 'hm10' });
    await button('Find a probe…').click();
    await expect.poll(() => card().count(), patience).toBe(2);
    await expect.poll(() => text(card().nth(1)), patience).toMatch(/Light 001d[\s\S]*Online/);
    expect(await text(card().nth(0))).toContain('Online');
    expect(complaints).toEqual([]);
  });
});

describe('what the page says', () => {
  it('when the list was closed: nothing; when nothing fits: that', async () => {
    await open();
    await button('Find a probe…').click();
    await expect.poll(() => page.evaluate('!document.getElementById("choose").disabled'), patience).toBe(true);
    expect(await text(page.locator('#banner'))).toBe('');
    expect(await device().count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('without Web Bluetooth', async () => {
    await blank();
    await page.addInitScript('Object.defineProperty(navigator, "bluetooth", { value: undefined, configurable: true })');
    await page.goto(`${cloud.url}/ble/`);
    await expect.poll(() => text(page.locator('#banner')), patience).toContain('This browser has no Web Bluetooth');
    expect(await button('Find a probe…').isDisabled()).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('with the adapter off, and that it may be switched on', async () => {
    await open();
    air.add(BALL);
    await page.evaluate('navigator.bluetooth.getAvailability = async () => false');
    await button('Find a probe…').click();
    await expect.poll(() => text(page.locator('#banner')), patience).toContain('no Bluetooth adapter');
    await page.evaluate('navigator.bluetooth.getAvailability = async () => true');
    await choose();
    expect(await text(page.locator('#banner'))).toBe('');
  });

  it('when it was not loaded securely', async () => {
    await blank();
    // A name that is not loopback, served from here: to the browser a plain page of the network.
    await page.route('http://earl.example/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: `${cloud.url}${pathname}` }) });
    });
    await page.goto('http://earl.example/ble/');
    await expect.poll(() => text(page.locator('#banner')), patience).toContain('was not loaded securely');
    expect(await button('Find a probe…').isDisabled()).toBe(true);
  });
});

describe('proof', () => {
  it('is asked of a probe whose key is known, and one with another key is not let in', async () => {
    await open();
    const key = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
    air.add({ ...BALL, key });
    await choose();
    await expect.poll(() => text(device()), patience).toContain('It was not asked to prove who it is.');
    await device().getByText('Check who it is').click();
    const field = device().getByLabel('Key', { exact: true });
    await field.fill('not a key');
    await button(/^Ask Earl00000ba1 to prove/).click();
    await expect.poll(() => text(device().locator('output')), patience).toContain('Not asked');
    await field.fill([...key].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
    await button(/^Ask Earl00000ba1 to prove/).click();
    await expect.poll(() => text(device()), patience).toContain('It proved that it has the key.');
    await expect.poll(() => text(card()), patience).toContain('Online');
    await field.fill('ff'.repeat(16));
    await button(/^Ask Earl00000ba1 to prove/).click();
    await expect.poll(() => text(device()), patience).toContain('Not let in:');
    await expect.poll(() => text(card()), patience).not.toContain('Online');
    expect(complaints).toEqual([]);
  });
});

describe('access', () => {
  it.each(['light', 'dark'] as const)('has no violations that axe can find, %s', async (colorScheme) => {
    await open({ colorScheme });
    air.add(BALL);
    await choose();
    await device().getByText('Check who it is').click();
    await page.mouse.move(0, 0);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
    expect(
      violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]),
    ).toEqual([]);
    await page.screenshot({ path: join(screenshots, `ble-${colorScheme}.png`), fullPage: true });
  });

  it('fits 360 px without scrolling sideways, with targets of at least 24 px', async () => {
    await open({ viewport: { width: 360, height: 740 } });
    air.add(BALL);
    await choose();
    await device().getByText('Check who it is').click();
    expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);
    for (const target of await page
      .locator('button:visible, input:visible, select:visible, a:visible:not(.skip)')
      .all()) {
      const box = await target.boundingBox();
      const name = await target.evaluate((element) => (element as unknown as { outerHTML: string }).outerHTML);
      expect(Math.min(box!.width, box!.height), name).toBeGreaterThanOrEqual(24);
    }
    await page.screenshot({ path: join(screenshots, 'ble-narrow.png'), fullPage: true });
  });

  it('is found from the dashboard, with the keyboard', async () => {
    await open();
    await page.goto(cloud.url);
    await page.getByRole('link', { name: /^Bluetooth/ }).press('Enter');
    await expect.poll(() => page.title(), patience).toBe('Earl Bluetooth');
    air.add(BALL);
    await button('Find a probe…').press('Enter');
    await expect.poll(() => text(card()), patience).toContain('Online');
    expect(complaints).toEqual([]);
  });
});
