/**
 * The whole road, with nothing in between that follows a script: released firmware on emulated boards, gateway, cloud,
 * dashboard in Chromium, and back to the registers of the TCA6507.
 */

import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CloudClient, connect } from '../../cloud/client/index.node.ts';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import type { TraceEvent } from '../../host/emulator/index.ts';
import { Gateway, systemClock } from '../../host/gateway/index.ts';
import { type EmulatedTransport, emulatedTransport } from '../../host/transport/emulated.ts';
import { launchChromium } from './chromium.ts';
import { buildPage, openPage, patience, screenshots, text } from './harness.ts';

const TCA6507_ADDRESS = 0x45;

const kinds = ['ball', 'arm', 'light'] as const;
type Kind = (typeof kinds)[number];

let cloud: Cloud;
let client: CloudClient;
let gateway: Gateway;
let browser: Browser;
let page: Page;
let complaints: string[];
const boards = {} as Record<Kind, EmulatedTransport>;
const traces: Record<Kind, TraceEvent[]> = { ball: [], arm: [], light: [] };

beforeAll(async () => {
  const webRoot = buildPage('road');
  browser = await launchChromium();
  cloud = await startCloud({ port: 0, webRoot });
  client = connect({ url: cloud.url.replace('http', 'ws') });
  for (const kind of kinds) {
    boards[kind] = emulatedTransport(`emu:${kind}`, { trace: (event) => remember(kind, event) });
  }
  const transports = kinds.map((kind) => boards[kind]);
  gateway = new Gateway({ site: 'home', transports, client, clock: systemClock, log: () => {} });
  ({ page, complaints } = await openPage(browser, cloud.url));
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  await client?.close();
  await cloud?.close();
});

function remember(kind: Kind, event: TraceEvent): void {
  if (event.kind === 'i2c' || event.kind === 'motor') traces[kind].push(event);
}

function card(kind: Kind): Locator {
  const title = { ball: 'Ball', arm: 'Arm', light: 'Light' }[kind];
  return page.getByRole('article', { name: new RegExp(`^${title} `) });
}

describe('firmware to dashboard and back', () => {
  it('shows samples of all three with units at four a second, and the round trip', async () => {
    for (const kind of kinds) {
      await expect.poll(() => card(kind).getAttribute('data-state'), patience).toBe('online');
      await expect.poll(() => text(card(kind)), patience).toMatch(/Rate\s+(3\.[5-9]|4\.[0-5]) Hz/);
      await expect.poll(() => text(card(kind)), patience).toMatch(/Round trip\s+[\d.]+ m?s\s+Link\s+[\d.]+ m?s/);
    }
    expect(await text(card('light'))).toMatch(/Temperature\s+2[\d.]+\s+°C[\s\S]*Supply\s+3\.[\d]+\s+V/);
    expect(await text(card('arm'))).toMatch(/z\s*[−\d.]+\s*m\/s²/);
    expect(await text(card('light'))).toMatch(/Illuminance\s+\d+\s+lx/);
  });

  it('brings a picked colour into the registers of the TCA6507, and shows what is in them', async () => {
    traces.ball.length = 0;
    await card('ball').getByRole('button', { name: 'Orange' }).click();
    await expect
      .poll(() => text(card('ball').locator('.actions .outcome')), patience)
      .toContain('levels 15, 7, 0 of 15');
    const { board } = boards.ball;
    const [red, green, blue] = board!.lights().lower;
    expect([red * 15, green * 15, blue * 15].map(Math.round)).toEqual([15, 7, 0]);
    expect(board!.lights().upper).toEqual(board!.lights().lower);
    const writes = traces.ball.filter((event) => event.kind === 'i2c' && event.addr === TCA6507_ADDRESS && event.ack);
    expect(writes.length).toBeGreaterThan(0);
    await expect
      .poll(() => text(card('ball').locator('.lamps')), patience)
      .toMatch(/#ff7700, orange, steady[\s\S]*#ff7700/);
  });

  it('blinks one LED with the times that the chip has', async () => {
    const ball = card('ball');
    await ball.getByLabel('Upper').check();
    await ball.getByRole('button', { name: 'Blue' }).click();
    await ball.getByLabel('Blink').check();
    const outcome = /Reached #0000ff, blue .* Times: fade in 512 ms, on 256 ms, fade out 512 ms, off 512 ms\./;
    await expect.poll(() => text(ball.locator('.actions .outcome')), patience).toMatch(outcome);
    const lamps = /upper LED\s+#0000ff, blue, blinks twice in 3\.6 s\s+lower LED\s+#ff7700, orange, steady/i;
    await expect.poll(() => text(ball.locator('.lamps')), patience).toMatch(lamps);
    const lens = ball.locator('.lens').first();
    const shown = async () => (await lens.getAttribute('data-color')) ?? '';
    await expect.poll(shown, patience).toBe('rgb(0 0 255)');
    await expect.poll(shown, patience).toBe('rgb(0 0 0)');
    await page.screenshot({ path: join(screenshots, 'road.png'), fullPage: true });
  });

  it('turns the motor of the arm band', async () => {
    await card('arm').getByLabel('Strength').fill('50');
    await card('arm').getByRole('button', { name: 'Vibrate' }).click();
    await expect.poll(() => text(card('arm')), patience).toContain('Vibrates at 50 % for 300 ms. Acknowledged');
    const duties = () => traces.arm.flatMap((event) => (event.kind === 'motor' ? [Math.round(event.duty * 100)] : []));
    await expect.poll(duties, patience).toContain(50);
    await expect.poll(() => duties().at(-1), patience).toBe(0);
  });

  it('tells of the button that was pressed, and changes the rate', async () => {
    boards.ball.board!.pressButton();
    await expect.poll(() => text(card('ball').getByRole('log')), patience).toContain('Button pressed (1)');
    boards.ball.board!.releaseButton();
    await expect.poll(() => text(card('ball').getByRole('log')), patience).toContain('Button released');
    await card('light').getByLabel('Samples a second').fill('10');
    await card('light').getByRole('button', { name: 'Set rate' }).click();
    await expect.poll(() => text(card('light')), patience).toContain('A sample every 100 ms (10.0 Hz).');
    await expect.poll(() => text(card('light')), patience).toMatch(/Rate\s+(9\.[0-9]|10\.[0-9]) Hz/);
    expect(complaints).toEqual([]);
  });
});
