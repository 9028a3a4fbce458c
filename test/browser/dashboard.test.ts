/**
 * The dashboard in a real browser, against a real cloud, with probes that follow a script (scripted-gateway.ts).
 *
 * Pictures for people land in build/screenshots. The road from firmware to pixels is tested in road.test.ts.
 */

import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import { launchChromium } from './chromium.ts';
import { buildPage, openPage, patience, screenshots, text } from './harness.ts';
import { type Kind, ScriptedGateway, type ScriptedProbe } from './scripted-gateway.ts';

/** What the functions that run in the page need of its DOM, which Node's types do not know. */
interface Styled {
  readonly style: { getPropertyValue(name: string): string };
}
interface Dom {
  getComputedStyle(element: unknown): { readonly outlineStyle: string; getPropertyValue(name: string): string };
}

let webRoot: string;
let browser: Browser;
let cloud: Cloud;
let client: CloudClient;
let gateway: ScriptedGateway;
let page: Page;

beforeAll(async () => {
  webRoot = buildPage('dashboard');
  browser = await launchChromium();
}, 60_000);

afterAll(() => browser?.close());

beforeEach(async () => {
  cloud = await startCloud({ port: 0, webRoot });
  client = connect({ url: cloud.url.replace('http', 'ws'), backoffMs: { first: 50, longest: 200 } });
  await expect.poll(() => client.connected, patience).toBe(true);
  gateway = new ScriptedGateway(client, 'studio');
});

afterEach(async () => {
  gateway.stop();
  await page?.context().close();
  await client.close();
  await cloud.close();
});

/** Opens the dashboard; returns what the browser complains about from then on. */
async function open(options: BrowserContextOptions = {}, fragment = ''): Promise<string[]> {
  const opened = await openPage(browser, `${cloud.url}/${fragment}`, options);
  page = opened.page;
  return opened.complaints;
}

/** A page with one probe, online. */
async function openWith(kind: Kind, options: BrowserContextOptions = {}): Promise<[ScriptedProbe, Locator]> {
  await open(options);
  const probe = await gateway.add(kind, 1);
  const card = cardOf(probe);
  await expect.poll(() => card.getAttribute('data-state'), patience).toBe('online');
  return [probe, card];
}

function cardOf(probe: ScriptedProbe): Locator {
  return page.locator(`[data-probe="${probe.key}"]`);
}

/** Pixels of a canvas in a colour of the style sheet, nearly. */
function pixelsIn(card: Locator, property: string): Promise<number> {
  return card
    .locator('canvas')
    .first()
    .evaluate((canvas, name) => {
      const hex = (globalThis as unknown as Dom).getComputedStyle(canvas).getPropertyValue(name).trim();
      const wanted = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
      const { width, height } = canvas as unknown as { width: number; height: number };
      const drawing = canvas as unknown as {
        getContext(kind: '2d'): {
          getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray };
        };
      };
      const { data } = drawing.getContext('2d').getImageData(0, 0, width, height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const near = wanted.every((part, index) => Math.abs(part - data[at + index]!) < 40);
        if (near && data[at + 3]! > 48) count++;
      }
      return count;
    }, property);
}

describe('cards', () => {
  it('shows each probe with values, units, rate and round trip, and follows the samples', async () => {
    const complaints = await open();
    const [ball, arm, light] = [
      await gateway.add('ball', 1),
      await gateway.add('arm', 1),
      await gateway.add('light', 1),
    ];
    for (const probe of [ball, arm, light]) {
      await expect.poll(() => cardOf(probe).getAttribute('data-state'), patience).toBe('online');
      await expect.poll(() => text(cardOf(probe)), patience).toMatch(/Round trip\s+[\d.]+ m?s\s+Link\s+13 ms/);
    }
    expect(await text(cardOf(arm))).toMatch(/Acceleration\s+x\s*[−\d.]+\s*y\s*[−\d.]+\s*z\s*[−\d.]+\s*m\/s²/);
    expect(await text(cardOf(ball))).toMatch(/Button\s+(pressed|released)\s[\s\S]*Presses\s+\d/);
    expect(await text(cardOf(light))).toMatch(/Temperature\s+22\.1\s+°C[\s\S]*Supply\s+2\.98\s+V/);
    const lux = cardOf(light).locator('.quantity.main .number');
    const before = await text(lux);
    await expect.poll(() => text(lux), patience).not.toBe(before);
    await expect.poll(() => text(page.locator('#counts')), patience).toBe('3 of 3 probes online');
    await expect.poll(() => text(page.locator('#here')), patience).toBe('1 page here');
    expect(await page.locator('#here').getAttribute('title')).toBe('dashboard: studio');
    await page.screenshot({ path: join(screenshots, 'light.png'), fullPage: true });
    expect(complaints).toEqual([]);
  });

  it('draws the charts and says in words what they show', async () => {
    const [, card] = await openWith('arm');
    for (const trace of ['--trace-1', '--trace-2', '--trace-3']) {
      await expect.poll(() => pixelsIn(card, trace), patience).toBeGreaterThan(100);
    }
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(() => pixelsIn(card, '--trace-1'), patience).toBeGreaterThan(100);
    const spoken = /^Acceleration, last 60 seconds: x now .* m\/s², between −[12]\.\d\d m\/s² and [12]\.\d\d m\/s²; y/;
    await expect.poll(() => card.getByRole('img').getAttribute('aria-label'), patience).toMatch(spoken);
    await card.getByText('Details').click();
    const row = card.getByRole('row', { name: 'Acceleration z' });
    await expect.poll(() => text(row), patience).toMatch(/m\/s²\s+[\d.]+\s+9\.[23]\d\s+10\.[34]\d\s+9\.8/);
  });

  it('tells quiet and offline in words, and shows events and counters', async () => {
    const [probe, card] = await openWith('light');
    probe.event('motion', 1250);
    probe.counters({ upMs: 60_000, awakeMs: 900, crcErrors: 2, link: { lost: 7, received: 93 } });
    await expect.poll(() => text(card.getByRole('log')), patience).toMatch(/Motion, peak 1\.25 g/);
    await card.getByText('Details').click();
    await expect.poll(() => text(card), patience).toMatch(/Lost frames\s+7 of 100 \(7\.0 %\)[\s\S]*crc errors\s+2/);
    probe.silent = true;
    await expect.poll(() => text(card), patience).toMatch(/Quiet: no sample for [\d.]+ s/);
    probe.status({ online: false, reason: 'the cable was pulled' });
    await expect.poll(() => text(card), patience).toContain('Offline: the cable was pulled.');
    const spoken = () => page.locator('#news').textContent();
    await expect.poll(spoken, patience).toBe('Light 0001: offline, the cable was pulled.');
  });

  it('stands still while paused, and catches up', async () => {
    const [, card] = await openWith('light');
    await page.getByRole('button', { name: 'Pause updates' }).click();
    await expect.poll(() => text(page.locator('#banner'))).toMatch(/^Paused since/);
    const paused = await text(card.locator('.quantities'));
    await gateway.rounds(6);
    expect(await text(card.locator('.quantities'))).toBe(paused);
    await page.getByRole('button', { name: 'Resume updates' }).click();
    await expect.poll(() => text(card.locator('.quantities')), patience).not.toBe(paused);
  });

  it('survives what no probe would send', async () => {
    const complaints = await open();
    const probe = await gateway.add('light', 1);
    await expect.poll(() => cardOf(probe).getAttribute('data-state'), patience).toBe('online');
    const send = (channel: string, data: unknown) => client.publish(`${probe.key}/${channel}`, data as never);
    const now = Date.now() / 1000;
    for (const v of [1e-300, -1e11, 1e300, 0]) send('samples', [{ bt: now, n: '<img src=x onerror=alert(1)>', v }]);
    for (const data of ['text', 7, [], {}, [[]], { registers: [1e9] }]) {
      for (const channel of ['samples', 'leds', 'events', 'counters']) send(channel, data);
    }
    send('events', { event: '<script>alert(1)</script>', value: 1, time: now });
    const card = cardOf(probe);
    await expect.poll(() => text(card), patience).toContain('<img src=x onerror=alert(1)>');
    await expect.poll(() => text(card), patience).toContain('<script>alert(1)</script> 1');
    const before = await text(card.locator('.quantity.main .number'));
    await expect.poll(() => text(card.locator('.quantity.main .number')), patience).not.toBe(before);
    expect(complaints).toEqual([]);
  });

  it('works with a hundred: folded, searchable, canvases only where somebody looks', async () => {
    await open();
    for (let number = 1; number <= 100; number++) {
      await gateway.add((['ball', 'arm', 'light'] as const)[number % 3]!, number, 5);
    }
    await expect.poll(() => page.locator('.card').count(), patience).toBe(100);
    await expect.poll(() => text(page.locator('#counts')), patience).toBe('100 of 100 probes online');
    const canvases = await page.locator('canvas').count();
    expect(canvases).toBeGreaterThan(0);
    expect(canvases).toBeLessThan(60);
    expect(await page.getByRole('button', { name: /^Less about/ }).count()).toBe(0);
    await page.screenshot({ path: join(screenshots, 'hundred.png') });
    await page.getByLabel('Find').fill('arm-100');
    await expect.poll(() => text(page.locator('#search-result'))).toBe('1 of 100');
    const card = page.locator('.card:visible');
    expect(await card.getAttribute('data-probe')).toBe('studio/arm-100');
    await card.getByRole('button', { name: /^More about Arm/ }).click();
    await card.getByRole('button', { name: 'Vibrate' }).click();
    await expect
      .poll(() => gateway.probes[99]!.commands, patience)
      .toEqual([{ name: 'vibrate', duty: 60, durationMs: 300 }]);
  }, 60_000);
});

describe('controls', () => {
  it('sends the colour that was picked, shows what was reached, and names a failure', async () => {
    const [probe, card] = await openWith('ball');
    const outcome = card.locator('.actions .outcome');
    await card.getByRole('button', { name: 'Orange' }).click();
    await expect
      .poll(() => probe.commands.at(-1), patience)
      .toMatchObject({
        ...{ name: 'set_color', leds: 3, red: 255, green: 119, blue: 0, effect: 0 },
      });
    await expect
      .poll(() => text(outcome), patience)
      .toMatch(/^Reached #ff7700, orange \(levels 15, 7, 0 of 15\)\. Acknowledged in [\d.]+ ms\.$/);
    await card.getByLabel('Colour', { exact: true }).fill('#0000ff');
    await card.getByLabel('Upper').check();
    await card.getByLabel('Brightness').fill('40');
    await card.getByLabel('Blink').check();
    await card.getByLabel('Fade in').selectOption('1024');
    const wanted = { leds: 2, red: 0, green: 0, blue: 102, effect: 1 };
    const times = { fadeOnMs: 1024, onMs: 256, fadeOffMs: 512, offMs: 512 };
    await expect.poll(() => probe.commands.at(-1), patience).toEqual({ name: 'set_color', ...wanted, ...times });
    await expect.poll(() => text(outcome), patience).toContain('Times: fade in 512 ms, on 256 ms, fade out 512 ms');
    probe.answer = () => ({ status: 'i2c_nack', data: [] });
    await card.getByRole('button', { name: 'Off' }).click();
    await expect.poll(() => probe.commands.at(-1), patience).toMatchObject({ red: 0, green: 0, blue: 0, effect: 0 });
    await expect.poll(() => text(outcome), patience).toMatch(/Not done: the part on its I2C bus does not answer\.$/);
    const sent = probe.commands.length;
    await card.getByLabel('Hex').fill('reddish');
    await card.getByLabel('Hex').press('Enter');
    await expect.poll(() => text(outcome), patience).toContain('write the colour as #f80 or #ff8800');
    expect(probe.commands.length).toBe(sent);
  });

  it('sends only the newest of many colours while one is under way', async () => {
    const [probe, card] = await openWith('ball');
    const held: (() => void)[] = [];
    probe.answer = (command) =>
      command.name === 'ping'
        ? { status: 'ok', data: [] }
        : new Promise((resolve) => held.push(() => resolve({ status: 'ok', data: [15, 0, 0, 0, 0, 0, 0] })));
    for (const name of ['Red', 'Green', 'Blue', 'White']) await card.getByRole('button', { name }).click();
    await expect.poll(() => held.length, patience).toBe(1);
    held[0]!();
    await expect.poll(() => held.length, patience).toBe(2);
    held[1]!();
    await expect.poll(() => text(card.locator('.actions .outcome')), patience).toContain('Acknowledged');
    expect(probe.commands.map(({ red, green, blue }) => [red, green, blue])).toEqual([
      [255, 0, 0],
      [255, 255, 255],
    ]);
  });

  it('shows the LEDs as the registers say: hex, name, effect, and light that blinks', async () => {
    const [probe, card] = await openWith('ball');
    probe.leds([0x00, 0x44, 0x40, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f]);
    const lamps = card.locator('.lamps');
    await expect.poll(() => text(lamps), patience).toMatch(/upper LED\s+#0000ff, blue, blinks twice in 2\.0 s/i);
    expect(await text(lamps)).toMatch(/lower LED\s+#00ff00, green, steady/i);
    const lens = lamps.locator('.lens').first();
    const strength = () =>
      lens.evaluate((element) => Number((element as unknown as Styled).style.getPropertyValue('--strength')));
    await expect.poll(strength, patience).toBeGreaterThan(0.9);
    await expect.poll(strength, patience).toBe(0);
  });

  it('vibrates, sets the interval, and says when no gateway is there', async () => {
    const [probe, card] = await openWith('arm');
    await card.getByLabel('Strength').fill('80');
    await card.getByLabel('Duration').fill('500');
    await card.getByRole('button', { name: 'Vibrate' }).click();
    await expect.poll(() => probe.commands, patience).toEqual([{ name: 'vibrate', duty: 80, durationMs: 500 }]);
    await expect.poll(() => text(card), patience).toContain('Vibrates at 80 % for 500 ms.');
    await card.getByLabel('Samples a second').fill('0.1');
    await card.getByRole('button', { name: 'Set rate' }).click();
    await expect.poll(() => probe.commands.at(-1), patience).toEqual({ name: 'set_interval', intervalMs: 10_000 });
    await expect.poll(() => text(card), patience).toContain('A sample every 10000 ms (0.10 Hz).');
    await card.getByLabel('Samples a second').fill('51');
    await card.getByRole('button', { name: 'Set rate' }).click();
    await client.serve([], async () => ({ status: 'ok', data: [] }));
    await card.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => text(card), patience).toContain('Not sent: no gateway serves this probe at the moment.');
    expect(probe.commands.length).toBe(2);
  });

  it('is all reached and used with the keyboard', async () => {
    const [probe, card] = await openWith('ball');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the probes');
    await page.keyboard.press('Enter');
    const focused = () =>
      page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.value');
    for (let presses = 0; presses < 30 && (await focused()) !== 'Green'; presses++) await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await expect.poll(() => probe.commands.at(-1), patience).toMatchObject({ red: 0, green: 255, blue: 0, leds: 3 });
    for (let presses = 0; presses < 30 && (await focused()) !== 'both'; presses++) await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => probe.commands.at(-1), patience).toMatchObject({ green: 255, leds: 2 });
    const outline = await card
      .locator('.segments input:focus-visible + span')
      .evaluate((element) => (globalThis as unknown as Dom).getComputedStyle(element).outlineStyle);
    expect(outline).toBe('solid');
  });
});

describe('connection', () => {
  it('says that everything is old while the cloud is away, and comes back by itself', async () => {
    const [probe, card] = await openWith('ball');
    const { port } = cloud;
    await cloud.close();
    await expect
      .poll(() => text(page.locator('#banner')), patience)
      .toMatch(/^No connection to the cloud since .* old\.$/);
    expect(await card.getAttribute('data-state')).toBe('unknown');
    expect(await text(page.locator('#link-text'))).toBe('Reconnecting');
    await card.getByRole('button', { name: 'Red' }).click();
    await expect.poll(() => text(card), patience).toContain('Not sent: no connection to the cloud.');
    await page.screenshot({ path: join(screenshots, 'away.png'), fullPage: true });
    cloud = await startCloud({ port, webRoot });
    await expect.poll(() => client.connected, patience).toBe(true);
    gateway.announce();
    await expect.poll(() => card.getAttribute('data-state'), patience).toBe('online');
    await expect.poll(() => text(page.locator('#banner')), patience).not.toContain('No connection');
    await card.getByRole('button', { name: 'Red' }).click();
    await expect.poll(() => probe.commands.at(-1), patience).toMatchObject({ name: 'set_color', red: 255 });
  });

  it('takes the token from the fragment, and says so when the cloud refuses', async () => {
    await cloud.close();
    cloud = await startCloud({ port: 0, webRoot, token: 'a-token-of-this-test' });
    await open({}, '#token=a-token-of-this-test');
    await expect.poll(() => text(page.locator('#link-text')), patience).toBe('Connected');
    await page.context().close();
    await open();
    await expect.poll(() => text(page.locator('#banner')), patience).toMatch(/token/);
    expect(await text(page.locator('#link-text'))).toBe('Refused');
  });
});

describe('access', () => {
  it.each(['light', 'dark'] as const)('has no violations that axe can find, %s', async (colorScheme) => {
    await open({ colorScheme });
    for (const kind of ['ball', 'arm', 'light'] as const) {
      const probe = await gateway.add(kind, 1);
      await expect.poll(() => cardOf(probe).getAttribute('data-state'), patience).toBe('online');
    }
    gateway.probes[0]!.leds([0x00, 0x44, 0x40, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f]);
    gateway.probes[1]!.status({ online: false, reason: 'the cable was pulled' });
    await page.getByLabel('Blink').check();
    await page.getByRole('button', { name: 'Vibrate' }).click();
    for (const details of await page.getByText('Details').all()) await details.click();
    await expect.poll(() => page.getByRole('table').count(), patience).toBe(3);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
    expect(
      violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]),
    ).toEqual([]);
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(colorScheme === 'dark' ? 'rgb(20, 23, 26)' : 'rgb(242, 240, 234)');
    await page.screenshot({ path: join(screenshots, `axe-${colorScheme}.png`), fullPage: true });
  });

  it('fits 360 px without scrolling sideways, with targets of at least 24 px', async () => {
    await open({ viewport: { width: 360, height: 740 } });
    for (const kind of ['ball', 'arm', 'light'] as const) {
      const probe = await gateway.add(kind, 1);
      await expect.poll(() => cardOf(probe).locator('.number').count(), patience).toBeGreaterThan(2);
    }
    await page.getByLabel('Blink').check();
    for (const details of await page.getByText('Details').all()) await details.click();
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(await overflow()).toBe(0);
    for (const target of await page.locator('button:visible, input:visible, select:visible, summary:visible').all()) {
      const box = await target.boundingBox();
      const name = await target.evaluate((element) => (element as unknown as { outerHTML: string }).outerHTML);
      expect(Math.min(box!.width, box!.height), name).toBeGreaterThanOrEqual(24);
    }
    await page.screenshot({ path: join(screenshots, 'narrow.png'), fullPage: true });
  });

  it('keeps the lamps still for those who asked for less motion', async () => {
    const [probe, card] = await openWith('ball', { reducedMotion: 'reduce' });
    probe.leds([0x00, 0x40, 0x40, 0x44, 0x44, 0x44, 0x44, 0x44, 0xff, 0x0f]);
    const lens = card.locator('.lens').first();
    await expect.poll(() => lens.getAttribute('data-color'), patience).toBe('rgb(0 0 255)');
    const seen = new Set<string | null>();
    for (let round = 0; round < 8; round++) {
      await gateway.rounds(1);
      seen.add(await lens.getAttribute('data-color'));
    }
    expect([...seen]).toEqual(['rgb(0 0 255)']);
  });
});
