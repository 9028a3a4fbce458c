/** `earl cloud` as a process: what it prints, how it ends. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../../cloud/client/index.node.ts';
import type { Json } from '../../cloud/protocol/index.ts';

const running: ChildProcessWithoutNullStreams[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function earlCloud(...args: string[]) {
  const child = spawn(process.execPath, ['tools/run.mjs', 'host/cli/main.ts', 'cloud', ...args]);
  running.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    stderr: () => stderr,
    line: async () => String((await lines.next()).value),
    exit: async () => (await once(child, 'close'))[0] as number,
  };
}

describe('earl cloud', () => {
  it('--json tells where it listens, serves, and stops cleanly at Ctrl-C', async () => {
    const earl = earlCloud('--port', '0', '--json');
    const listening = JSON.parse(await earl.line()) as Record<string, string>;
    expect(listening).toEqual({
      event: 'listening',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      websocket: listening.url!.replace('http', 'ws'),
      dashboard: listening.url,
      // The addon, or why there is none on this machine.
      sockets: expect.stringMatching(/^(native|ws \(.+\))$/),
    });
    const client = connect({ url: listening.websocket! });
    await client.subscribe('a', () => {});
    const reason = new Promise((resolve) => client.onState((_, why) => resolve(why)));
    expect(((await (await fetch(`${listening.url}/health`)).json()) as { server: string }).server).toMatch(/^earl\/\d/);
    const exit = earl.exit();
    earl.child.kill('SIGINT');
    expect(JSON.parse(await earl.line())).toEqual({ event: 'stopped' });
    expect(await reason).toContain('shutting down');
    expect(await exit).toBe(0);
    await client.close();
  });

  it('--mqtt speaks MQTT by TCP as well', async () => {
    const earl = earlCloud('--port', '0', '--mqtt', '0', '--json');
    const { url, mqttPort } = JSON.parse(await earl.line()) as { url: string; mqttPort: number };
    expect(mqttPort).toBeGreaterThan(0);
    const socket = createConnection(mqttPort, '127.0.0.1');
    socket.write(Buffer.from('100f00044d5154540402003c0003726177', 'hex'));
    expect(((await once(socket, 'data')) as [Buffer])[0].toString('hex')).toBe('20020000');
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ connectionsNow: 1 });
    const exit = earl.exit();
    earl.child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  it('prints the address for people, with the token where one is needed', async () => {
    const earl = earlCloud('--port', '0', '--host', '0.0.0.0', '--token', 'se cret');
    expect(await earl.line()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=se%20cret$/);
    const exit = earl.exit();
    earl.child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(earl.stderr()).toContain('token se cret');
  });

  it('--keys wants signed tokens and prints none; the keys must be there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-keys-'));
    const missing = earlCloud('--port', '0', '--keys', folder);
    expect(await missing.exit()).toBe(2);
    expect(missing.stderr()).toContain('earl token key');
    const k = 'A'.repeat(43);
    writeFileSync(join(folder, 'a.json'), JSON.stringify({ kty: 'oct', kid: 'a', alg: 'HS256', k }), { mode: 0o600 });
    const earl = earlCloud('--port', '0', '--host', '0.0.0.0', '--keys', folder, '--json');
    const { websocket, token } = JSON.parse(await earl.line()) as { websocket: string; token?: string };
    expect(token).toBeUndefined();
    const client = connect({ url: websocket, token: 'x' });
    await expect(client.subscribe('a', () => {})).rejects.toMatchObject({ code: 'CLOUD_UNAUTHORIZED' });
    expect(earl.stderr()).not.toContain(k);
    rmSync(folder, { recursive: true, force: true });
  });

  it('--tls-cert needs --tls-key', async () => {
    const earl = earlCloud('--port', '0', '--tls-cert', 'x.pem');
    expect(await earl.exit()).toBe(2);
    expect(earl.stderr()).toContain('belong together');
  });

  it('names a busy port and another way, with exit code 4', async () => {
    const first = earlCloud('--port', '0');
    const port = Number(new URL(await first.line()).port);
    const second = earlCloud('--port', String(port));
    expect(await second.exit()).toBe(4);
    expect(second.stderr()).toMatch(new RegExp(`port ${port} .*--port ${port + 1}`));
  });

  it('refuses a port that is none, with exit code 2', async () => {
    const earl = earlCloud('--port', '65536');
    expect(await earl.exit()).toBe(2);
    expect(earl.stderr()).toContain('whole number from 0 to 65535');
  });

  it('--data survives kill -9 under load: nothing acknowledged is lost, doubled or out of order', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'earl-data-'));
    let earl = earlCloud('--port', '0', '--json', '--data', folder);
    const { websocket } = JSON.parse(await earl.line()) as { websocket: string };
    const port = new URL(websocket).port;
    const options = { url: websocket, backoffMs: { first: 20, longest: 100 } };
    let missed = 0;
    const subscriber = connect({ ...options, onMissed: () => missed++ });
    const publisher = connect({ ...options, publisher: 'p' });
    const received: Json[] = [];
    await subscriber.subscribe('a/+', (_topic, data) => received.push(data));
    let acknowledged = 0;
    let publishing = true;
    const publish = (async () => {
      for (let seq = 1; publishing || seq <= acknowledged; ) {
        const window = Array.from({ length: 20 }, (_, index) => seq + index);
        const results = await Promise.allSettled(
          window.map((number) => publisher.publishAcknowledged(`a/${number % 3}`, number, number)),
        );
        const firstLost = results.findIndex(({ status }) => status === 'rejected');
        acknowledged = firstLost < 0 ? window.at(-1)! : window[firstLost]! - 1;
        seq = acknowledged + 1;
        if (firstLost >= 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 2; round++) {
      const enough = acknowledged + 100;
      await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(enough);
      const exited = once(earl.child, 'close');
      earl.child.kill('SIGKILL');
      await exited;
      earl = earlCloud('--port', port, '--json', '--data', folder);
      await earl.line();
    }
    const enough = acknowledged + 100;
    await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(enough);
    publishing = false;
    await publish;
    await expect.poll(() => received.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(acknowledged);
    expect(received).toEqual(received.map((_, index) => index + 1));
    expect(missed).toBe(0);
    await Promise.all([subscriber.close(), publisher.close()]);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('--fsync without --data is a mistake', async () => {
    const earl = earlCloud('--fsync');
    expect(await earl.exit()).not.toBe(0);
    expect(earl.stderr()).toContain('--fsync needs --data FOLDER');
  });
});
