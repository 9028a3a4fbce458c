/**
 * The bench in a real browser: the emulator runs released firmware in the page, under the cloud's own security headers.
 *
 * A page that compiled code at run time would be stopped by them and complain, which every test here would see. Pictures
 * for people land in build/screenshots.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import { launchChromium } from './chromium.ts';
import { buildPage, patience, screenshots, text } from './harness.ts';

/** mov #WDTPW+WDTHOLD,&WDTCTL; bis.b #1,&P1DIR; bis.b #1,&P1OUT; jmp $ */
const strangersProgram = `@c000
b2 40 80 5a 20 01 d2 d3 22 00 d2 d3 21 00 ff 3f
@fffe
00 c0
q
`;

let browser: Browser;
let cloud: Cloud;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  cloud = await startCloud({ port: 0, webRoot: buildPage('emulator') });
  browser = await launchChromium();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await cloud?.close();
});

afterEach(() => page?.context().close());

/** Opens the bench with a released program, and waits until its board has run. */
async function open(program: string, options: BrowserContextOptions = {}): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(`${cloud.url}/bench#${program}`);
  await expect.poll(() => boardSeconds(), patience).toBeGreaterThan(0.2);
}

function meter(name: string): Locator {
  return page.locator('#meters div', { hasText: name }).locator('dd');
}

async function boardSeconds(): Promise<number> {
  return Number.parseFloat(await text(meter('Board time')));
}

function region(name: string): Locator {
  return page.getByRole('region', { name, exact: true });
}

function button(name: string): Locator {
  return page.getByRole('button', { name, exact: true });
}

/** Drops a file onto the page as a browser does. */
async function drop(name: string, content: string): Promise<void> {
  await page.evaluate(`(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([${JSON.stringify(content)}], ${JSON.stringify(name)}));
    document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
  })()`);
}

describe('a released image', () => {
  it('runs in the page: messages, bytes, I2C, registers and pins are the firmware’s own', async () => {
    await open('ball');
    await expect.poll(() => text(region('Link messages')), patience).toMatch(/← probe\s+hello kind ball/);
    await expect.poll(() => text(region('Link messages')), patience).toMatch(/← probe\s+ball_sample timeMs \d+/);
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('link established');
    expect(await text(region('Bytes'))).toMatch(/← probe\s+([0-9a-f]{2} ){4}/);
    expect(await text(region('I2C transactions'))).toMatch(/0x45 LED driver\s+write 10/);
    expect(await text(page.locator('.registers'))).toMatch(/PC\s+[c-f][0-9a-f]{3}\s+SP\s+0[23][0-9a-f]{2}/);
    expect(await text(page.locator('.pins li', { hasText: 'P1.2' }))).toMatch(/P1\.2\s+[01]\s+out\s+TXD/);
    await expect.poll(() => text(meter('Real time')), patience).toMatch(/^[\d.]+×$/);
    await expect.poll(() => text(meter('Instructions')), patience).toMatch(/^[\d.]+ MIPS$/);
    expect(complaints).toEqual([]);
  });

  it('acknowledges commands from the page, and its LEDs shine as they say', async () => {
    await open('ball');
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('link established');
    await button('Ping').click();
    await expect.poll(() => text(page.locator('#serial')), patience).toMatch(/ping: acknowledged in [\d.]+ ms/);
    await button('Orange').click();
    const lamps = page.locator('#lamps');
    await expect.poll(() => text(lamps), patience).toMatch(/upper LED\s+#ff7700, orange, steady/i);
    await expect.poll(() => lamps.locator('.lens').first().getAttribute('data-color'), patience).toBe('rgb(255 119 0)');
    await page.getByLabel('Command', { exact: true }).selectOption('set_color');
    await page.getByLabel('red', { exact: true }).fill('0');
    await page.getByLabel('green', { exact: true }).fill('0');
    await page.getByLabel('blue', { exact: true }).fill('255');
    await page.getByLabel('leds', { exact: true }).fill('1');
    await button('Send').click();
    await expect.poll(() => text(lamps), patience).toMatch(/lower LED\s+#0000ff, blue, steady/i);
    expect(await text(lamps)).toMatch(/upper LED\s+#ff7700, orange, steady/i);
    await page.getByLabel('red', { exact: true }).fill('999');
    await button('Send').click();
    await expect.poll(() => text(page.locator('#serial')), patience).toMatch(/Not sent: .*red/);
    await page.screenshot({ path: join(screenshots, 'bench.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });

  it('feels the button and the light', async () => {
    await open('ball');
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('link established');
    await button('Button P1.3').click();
    await expect.poll(() => text(region('Link messages')), patience).toMatch(/event .*button_pressed/);
    await page.getByLabel('Program', { exact: true }).selectOption('light');
    await expect.poll(() => text(region('Link messages')), patience).toContain('kind light');
    await page.getByLabel('Light').fill('800');
    await expect.poll(() => text(region('Link messages')), patience).toMatch(/light_sample .*illuminance (79|80)\d/);
    expect(page.url()).toMatch(/\/bench\/#light$/);
    expect(complaints).toEqual([]);
  });

  it('pauses, steps, resets, and runs as fast as it goes', async () => {
    await open('light');
    await button('Pause').click();
    const pc = page.locator('.registers dd').first();
    const before = await text(pc);
    await expect
      .poll(async () => {
        await button('Step').click();
        return text(pc);
      }, patience)
      .not.toBe(before);
    expect(await text(meter('Real time'))).toBe('paused');
    await button('Reset').click();
    await button('Run').click();
    await expect.poll(() => text(region('Resets and warnings')), patience).toMatch(/reset: power on[\s\S]*reset: pin/);
    await page.getByLabel('Max').check();
    await expect.poll(() => boardSeconds(), patience).toBeGreaterThan(20);
    expect(complaints).toEqual([]);
  });

  it('shows what goes wrong on the bus, and recovers', async () => {
    await open('ball');
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('link established');
    await button('Refuse the next byte').click();
    await button('Green').click();
    await expect.poll(() => text(region('I2C transactions')), patience).toContain('not acknowledged');
    await button('Green').click();
    await expect.poll(() => text(page.locator('#lamps')), patience).toMatch(/upper LED\s+#00ff00, green, steady/i);
    expect(complaints).toEqual([]);
  });
});

describe('a file', () => {
  it('that is dropped runs, though nobody here wrote it', async () => {
    await open('light');
    await drop('blink.txt', strangersProgram);
    await expect.poll(() => text(page.getByLabel('Program', { exact: true })), patience).toContain('blink.txt');
    await expect.poll(() => text(page.locator('#lamps')), patience).toMatch(/LED1 on P1\.0\s+on, red/i);
    await button('Ping').click();
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('has not said hello');
    expect(await text(region('Link messages'))).toBe('No link message yet.');
    expect(complaints).toEqual([]);
  });

  it('that is chosen runs', async () => {
    await open('light');
    const arm = readFileSync(join(import.meta.dirname, '../../firmware/dist/arm.hex'));
    await page.getByLabel('Program file').setInputFiles({ name: 'mine.hex', mimeType: 'text/plain', buffer: arm });
    await expect.poll(() => text(region('Link messages')), patience).toMatch(/arm_sample .*x -?\d+/);
    expect(complaints).toEqual([]);
  });

  it('that is no program is refused in words, and the board goes on', async () => {
    await open('light');
    await drop('photo.png', 'not a program');
    await expect.poll(() => text(page.locator('#banner')), patience).toMatch(/^photo\.png: this file is none of ELF/);
    const before = await boardSeconds();
    await expect.poll(() => boardSeconds(), patience).toBeGreaterThan(before);
    expect(complaints).toEqual([]);
  });
});

describe('access', () => {
  it.each(['light', 'dark'] as const)('has no violations that axe can find, %s', async (colorScheme) => {
    await open('ball', { colorScheme });
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('link established');
    await button('Blue').click();
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('acknowledged in');
    await page.getByLabel('Command', { exact: true }).selectOption('set_color');
    await button('Hold SDA low').click();
    await button('Pause').click();
    await button('Step').click();
    await page.mouse.move(0, 0);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
    expect(
      violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]),
    ).toEqual([]);
    await page.screenshot({ path: join(screenshots, `bench-${colorScheme}.png`), fullPage: true });
  });

  it('fits 360 px without scrolling sideways, with targets of at least 24 px', async () => {
    await open('ball', { viewport: { width: 360, height: 740 } });
    await expect.poll(() => text(region('Bytes')), patience).toMatch(/[0-9a-f]{2} [0-9a-f]{2}/);
    await page.getByLabel('Command', { exact: true }).selectOption('set_color');
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(await overflow()).toBe(0);
    const targets = 'button:visible, input:visible, select:visible, a:visible:not(.skip)';
    for (const target of await page.locator(targets).all()) {
      const box = await target.boundingBox();
      const name = await target.evaluate((element) => (element as unknown as { outerHTML: string }).outerHTML);
      expect(Math.min(box!.width, box!.height), name).toBeGreaterThanOrEqual(24);
    }
    await page.screenshot({ path: join(screenshots, 'bench-narrow.png'), fullPage: true });
  });

  it('is used with the keyboard alone, and found from the dashboard', async () => {
    await open('ball');
    await page.goto(cloud.url);
    await page.getByRole('link', { name: /^Bench/ }).press('Enter');
    await expect.poll(() => page.title(), patience).toBe('Earl bench');
    await expect.poll(() => text(page.locator('#serial')), patience).toContain('link established');
    await button('Button P1.3').focus();
    await page.keyboard.down('Space');
    await expect.poll(() => text(region('Link messages')), patience).toContain('button_pressed');
    await page.keyboard.up('Space');
    await expect.poll(() => text(region('Link messages')), patience).toContain('button_released');
    await button('Ping').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => text(page.locator('#serial')), patience).toMatch(/ping: acknowledged/);
  });
});
