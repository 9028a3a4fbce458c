/** The page of docs/sdk.md works as it stands: served by another server, with the SDK's modules as the package has them. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { expect, it, onTestFinished } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import { startCloud } from '../../cloud/server/index.ts';
import { exampleOf, playBall } from '../cloud/doc-examples.ts';
import { launchChromium } from './chromium.ts';
import { patience } from './harness.ts';

const root = join(import.meta.dirname, '../..');
const published = '/node_modules/earl-toolkit/dist/';

/** The modules as the compiler writes them, one file each. */
function modules(): Map<string, string> {
  const files = ['cloud/client', 'cloud/protocol', 'errors'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /^[^.]+\.ts$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  return new Map(
    files.map((file) => {
      const { code } = transformSync(readFileSync(join(root, file), 'utf8'), { loader: 'ts', target: 'es2022' });
      return [`${published}${file.replace(/\.ts$/, '.js')}`, code.replace(/(from ")([^"]+)\.ts"/g, '$1$2.js"')];
    }),
  );
}

it('docs/sdk.md, page: shows what comes, and when the cloud is away', async () => {
  const scripts = modules();
  let html = '';
  const site = createServer(({ url = '' }, response) => {
    const script = scripts.get(url);
    response.setHeader('Content-Type', script === undefined ? 'text/html' : 'text/javascript');
    response.statusCode = script === undefined && url !== '/' ? 404 : 200;
    response.end(script ?? html);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  onTestFinished(() => void site.close());
  const origin = `http://127.0.0.1:${(site.address() as { port: number }).port}`;
  const cloud = await startCloud({ port: 0, allowedOrigins: [origin] });
  html = exampleOf('html', cloud.url);
  const gateway = connect({ url: cloud.url });
  onTestFinished(() => gateway.close());
  const { stop } = await playBall(gateway);
  onTestFinished(stop);
  const browser = await launchChromium();
  onTestFinished(() => browser.close());

  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(origin);
  await expect.poll(() => page.locator('#state').textContent(), patience).toBe('Connected');
  await expect.poll(() => page.locator('#probes').textContent(), patience).toBe('home/1/samples: light 412 lx');
  expect((await gateway.presence('#')).clients).toEqual([]);
  await cloud.close();
  await expect.poll(() => page.locator('#state').textContent(), patience).toMatch(/^Away: .*shutting down/);
  expect(complaints).toEqual([]);
});
