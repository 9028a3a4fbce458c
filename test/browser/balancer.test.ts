/** The dashboard on every topology: page and gateway at different servers of a cloud, by the balancers people use. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { type Backplane, startBackplane } from '../cloud/backplanes.ts';
import { Balancer, hostPort, type Program } from '../cloud/balancers.ts';
import { launchChromium } from './chromium.ts';
import { buildPage, openPage, patience, text } from './harness.ts';
import { ScriptedGateway } from './scripted-gateway.ts';

let webRoot: string;
let browser: Browser;
const cleanups: (() => unknown)[] = [];
beforeAll(async () => {
  webRoot = buildPage('balancer');
  browser = await launchChromium();
}, 60_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => browser?.close());

interface Topology {
  readonly program: Program;
  readonly backplane: Backplane;
  readonly tls: boolean;
}
const topologies: readonly Topology[] = [
  { program: 'haproxy', backplane: 'redis', tls: true },
  { program: 'haproxy', backplane: 'hub', tls: false },
  { program: 'nginx', backplane: 'nats', tls: false },
];

it.each(topologies)(
  'behind $program over $backplane, TLS $tls: the page sees samples, commands, and changes servers',
  async ({ program, backplane, tls }) => {
    const openBroker = await startBackplane(backplane, cleanups);
    const startOne = async () => {
      const cloud = await startCloud({ port: 0, broker: await openBroker(), webRoot, token: 'secret' });
      cleanups.push(() => cloud.close());
      return cloud;
    };
    const clouds = [await startOne(), await startOne()] as const;
    const balancer = await Balancer.start(program, clouds.map(hostPort), { tls });
    cleanups.push(() => balancer.remove());

    const url = `${tls ? 'https' : 'http'}://localhost:${balancer.port}/#token=secret`;
    const { page, complaints } = await openPage(browser, url, { ignoreHTTPSErrors: true });
    cleanups.push(() => page.context().close());
    const [at, other] = clouds[0].connections === 1 ? clouds : ([clouds[1], clouds[0]] as const);
    expect([at.connections, other.connections]).toEqual([1, 0]);
    const client = connect({ url: `ws://${hostPort(other)}`, token: 'secret' });
    cleanups.push(() => client.close());
    const gateway = new ScriptedGateway(client, 'studio');
    cleanups.push(async () => gateway.stop());
    const probe = await gateway.add('light', 1);
    const card = page.locator(`[data-probe="${probe.key}"]`);
    await expect.poll(() => card.getAttribute('data-state'), patience).toBe('online');
    const lux = card.locator('.quantity.main .number');
    const changes = async () => {
      const before = await text(lux);
      await expect.poll(() => text(lux), patience).not.toBe(before);
    };
    await changes();
    await card.getByText('Details').click();
    await card.getByRole('button', { name: 'Set rate' }).click();
    await expect.poll(() => probe.commands.length, patience).toBe(1);
    expect(probe.commands[0]).toMatchObject({ name: 'set_interval' });

    await at.close();
    await expect.poll(() => other.connections, patience).toBe(2);
    await changes();
    // The browser says that its connection was closed; nothing else went wrong.
    expect(complaints.filter((complaint) => !/WebSocket connection/.test(complaint))).toEqual([]);
  },
);
