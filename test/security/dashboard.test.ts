/** What the dashboard says of a quarantined probe, in a real browser against a real cloud. */
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { launchChromium } from '../browser/chromium.ts';
import { buildPage, openPage, patience, screenshots, text } from '../browser/harness.ts';
import { ScriptedGateway } from '../browser/scripted-gateway.ts';

test('a quarantined probe: why and what to type, no controls; once let in it is a card like any other', async () => {
  const cloud = await startCloud({ port: 0, webRoot: buildPage('quarantine') });
  const client = connect({ url: cloud.url.replace('http', 'ws') });
  const browser = await launchChromium();
  const gateway = new ScriptedGateway(client, 'studio');
  try {
    const { page, complaints } = await openPage(browser, `${cloud.url}/`);
    const probe = await gateway.add('ball', 1);
    const card = page.locator(`[data-probe="${probe.key}"]`);
    await expect.poll(() => card.getAttribute('data-state'), patience).toBe('online');
    probe.silent = true;
    const remedy = `earl probes accept ${probe.id} --key HEX`;
    probe.status({ quarantined: true, reason: 'it is not known here, and was not accepted yet', remedy });
    await expect.poll(() => card.getAttribute('data-state'), patience).toBe('quarantined');
    expect(await text(card)).toContain('Quarantined: it is not known here, and was not accepted yet.');
    expect(await text(card.locator('.remedy'))).toBe(`To let it in, type at its gateway: ${remedy}`);
    expect(await card.locator('.card-body').isVisible()).toBe(false);
    const { violations } = await new AxeBuilder({ page }).include(`[data-probe="${probe.key}"]`).analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    await card.screenshot({ path: join(screenshots, 'quarantined.png') });
    probe.status();
    probe.silent = false;
    await expect.poll(() => card.getAttribute('data-state'), patience).toBe('online');
    expect(await card.locator('.remedy').isVisible()).toBe(false);
    await expect.poll(() => card.locator('.card-body').isVisible(), patience).toBe(true);
    expect(complaints).toEqual([]);
  } finally {
    gateway.stop();
    await browser.close();
    await client.close();
    await cloud.close();
  }
}, 60_000);
