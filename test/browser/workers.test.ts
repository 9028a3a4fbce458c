/** The dashboard over `earl cloud --workers 2`: page and gateway at different workers, one of which is killed. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import { parseExposition } from '../cloud/exposition.ts';
import { bundleEarl, EarlProcess } from '../e2e/earl-process.ts';
import { launchChromium } from './chromium.ts';
import { openPage, patience, text } from './harness.ts';
import { ScriptedGateway } from './scripted-gateway.ts';

let browser: Browser;
let earl: Awaited<ReturnType<typeof bundleEarl>>;
const cleanups: (() => unknown)[] = [];
beforeAll(async () => {
  [browser, earl] = await Promise.all([launchChromium(), bundleEarl()]);
}, 60_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await browser?.close();
  earl?.remove();
});

/** Clients of each worker, by its process. */
async function clientsOf(url: string): Promise<Map<number, number>> {
  const families = parseExposition(await (await fetch(`${url}/metrics`)).text());
  return new Map(
    [...families.get('earl_connections')!.samples]
      .filter(([key]) => !key.includes('primary'))
      .map(([key, count]) => [Number(/process="(\d+)"/.exec(key)![1]), count]),
  );
}

it('sees samples and sends commands across workers, and comes back when its own is killed', async () => {
  const cloud = new EarlProcess(earl.file, ['cloud', '--port', '0', '--workers', '2', '--json']);
  cleanups.push(() => cloud.stop('SIGKILL'));
  const { url, websocket } = (await cloud.line(({ event }) => event === 'listening')) as Record<string, string>;
  const client = connect({ url: websocket!, backoffMs: { first: 50, longest: 200 } });
  cleanups.push(() => client.close());
  await expect.poll(() => client.connected, patience).toBe(true);
  const before = await clientsOf(url!);
  const gateway = new ScriptedGateway(client, 'studio');
  cleanups.push(() => gateway.stop());
  const probe = await gateway.add('light', 1);

  // As often as it takes: its files come over several connections, which go to the workers in turn.
  let opened = await openPage(browser, url!);
  const pageWorker = async () =>
    [...(await clientsOf(url!))].find(([process, count]) => count > before.get(process)!)?.[0];
  for (let tries = 0; before.get((await pageWorker())!) !== 0; tries++) {
    expect(tries).toBeLessThan(20);
    await opened.page.context().close();
    await expect.poll(async () => await clientsOf(url!), patience).toEqual(before);
    opened = await openPage(browser, url!);
  }
  const { page, complaints } = opened;
  cleanups.push(() => page.context().close());
  const card = page.locator(`[data-probe="${probe.key}"]`);
  await expect.poll(() => card.getAttribute('data-state'), patience).toBe('online');
  const lux = card.locator('.quantity.main .number');
  const changes = async () => {
    const shown = await text(lux);
    await expect.poll(() => text(lux), patience).not.toBe(shown);
  };
  await changes();
  await card.getByText('Details').click();
  await card.getByRole('button', { name: 'Set rate' }).click();
  await expect.poll(() => probe.commands.length, patience).toBe(1);
  expect(probe.commands[0]).toMatchObject({ name: 'set_interval' });

  process.kill((await pageWorker())!, 'SIGKILL');
  await cloud.line(({ event }) => event === 'worker_exited');
  await expect.poll(async () => [...(await clientsOf(url!)).values()].reduce((a, b) => a + b), patience).toBe(2);
  await changes();
  // The browser says that its connection was lost; nothing else went wrong.
  expect(complaints.filter((complaint) => !/WebSocket connection/.test(complaint))).toEqual([]);
}, 60_000);
