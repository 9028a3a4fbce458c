/** The dashboard's files and /health over real HTTP. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalBroker } from '../../cloud/broker/index.ts';
import { type Cloud, startCloud } from '../../cloud/server/index.ts';
import { cloudsForTests, RawClient } from './raw-client.ts';

const start = cloudsForTests();
const folder = mkdtempSync(join(tmpdir(), 'earl-web-'));
const webRoot = join(folder, 'web');

beforeAll(() => {
  mkdirSync(join(webRoot, 'images'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Earl</title>');
  writeFileSync(join(webRoot, 'main.js'), 'export {};');
  writeFileSync(join(webRoot, 'images/ball one.hex'), ':00000001FF');
  writeFileSync(join(webRoot, '.hidden.txt'), 'secret');
  writeFileSync(join(webRoot, 'program.exe'), 'secret');
  writeFileSync(join(webRoot, 'empty.txt'), '');
  symlinkSync(join(folder, 'secret.txt'), join(webRoot, 'link.txt'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A request whose path goes out exactly as given; `fetch` would tidy it. */
function get(cloud: Cloud, path: string, method = 'GET'): Promise<{ status: number; text: string; type: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: cloud.port, path, method }, async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode ?? 0, text, type: response.headers['content-type'] ?? '' });
    })
      .on('error', reject)
      .end();
  });
}

describe('files', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', '<!doctype html><title>Earl</title>'],
    ['/index.html?v=1', 'text/html; charset=utf-8', '<!doctype html><title>Earl</title>'],
    ['/main.js', 'text/javascript; charset=utf-8', 'export {};'],
    ['/images/ball%20one.hex', 'text/plain; charset=utf-8', ':00000001FF'],
    ['/empty.txt', 'text/plain; charset=utf-8', ''],
  ])('%s is served', async (path, type, text) => {
    const cloud = await start({ webRoot });
    expect(await get(cloud, path)).toEqual({ status: 200, type, text });
    expect(await get(cloud, path, 'HEAD')).toEqual({ status: 200, type, text: '' });
  });

  it.each([
    '/../secret.txt',
    '/images/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e%2fsecret.txt',
    '/images/..%2f..%2fsecret.txt',
    '/..\\secret.txt',
    '/%5c..%5csecret.txt',
    '/link.txt',
    '/.hidden.txt',
    '/program.exe',
    '/main.js%00.txt',
    '/%zz',
    '/%c0%ae%c0%ae/secret.txt',
    '//secret.txt',
    '/images',
    '/images/',
    '/nothing.txt',
  ])('%s is not', async (path) => {
    const answer = await get(await start({ webRoot }), path);
    expect(answer.status).toBe(404);
    expect(answer.text).not.toContain('secret');
  });

  it('come with security headers and an ETag that spares the second transfer', async () => {
    const cloud = await start({ webRoot });
    const first = await fetch(`${cloud.url}/`);
    expect(first.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect(first.headers.get('x-content-type-options')).toBe('nosniff');
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const etag = first.headers.get('etag')!;
    const second = await fetch(`${cloud.url}/`, { headers: { 'If-None-Match': etag } });
    expect([second.status, await second.text()]).toEqual([304, '']);
    writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Earl 2</title>');
    const third = await fetch(`${cloud.url}/`, { headers: { 'If-None-Match': etag } });
    expect([third.status, await third.text()]).toEqual([200, '<!doctype html><title>Earl 2</title>']);
    writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Earl</title>');
  });

  it('other methods are refused, and a missing dashboard says how to build it', async () => {
    const cloud = await start();
    expect((await get(cloud, '/', 'POST')).status).toBe(405);
    expect(await get(cloud, '/')).toMatchObject({ status: 404, text: expect.stringContaining('npm run build') });
  });
});

describe('/health', () => {
  it('is 200 with figures when a canary comes back', async () => {
    const cloud = await start({ serverName: 'earl/9.9.9' });
    await RawClient.join(cloud);
    const response = await fetch(`${cloud.url}/health`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await response.json()).toMatchObject({
      status: 'ok',
      server: 'earl/9.9.9',
      delivery: { ok: true, canaryMs: expect.any(Number) },
      connectionsNow: 1,
      retained: { topics: 0, evicted: 0 },
      sinceStart: { connections: 1, messagesIn: 1, messagesOut: 1, badMessages: 0, slowConsumers: 0 },
    });
  });

  it('is 503 when the broker accepts messages and delivers none', async () => {
    class DeafBroker extends LocalBroker {
      override async publish(): Promise<void> {}
    }
    const cloud = await start({ broker: new DeafBroker(), limits: { canaryTimeoutMs: 20 } });
    const answers = await Promise.all([fetch(`${cloud.url}/health`), fetch(`${cloud.url}/health`)]);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ status: 'failing', delivery: { ok: false } });
    }
  });

  it('is 503 when the broker refuses', async () => {
    const broker = new LocalBroker();
    const cloud = await start({ broker });
    await broker.close();
    const answer = await fetch(`${cloud.url}/health`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('the broker is closed');
  });
});

describe('startCloud', () => {
  it('names a port that is taken', async () => {
    const { port } = await start();
    await expect(startCloud({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`port ${port}`),
    });
  });

  it('names an address that is not here', async () => {
    await expect(startCloud({ port: 0, host: '203.0.113.1' })).rejects.toMatchObject({ code: 'HOST_UNAVAILABLE' });
  });
});
