/** The cloud's certificate: who speaks TLS gets in, and a new certificate takes over without a connection lost. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Cloud } from '../../cloud/server/index.ts';
import { cloudsForTests } from '../cloud/raw-client.ts';

const start = cloudsForTests();
const folder = mkdtempSync(join(tmpdir(), 'earl-tls-'));
const file = (name: string) => join(folder, name);
const files = { cert: file('cert.pem'), key: file('key.pem') };

function selfSigned(name: string): void {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
  execFileSync('openssl', ['req', '-x509', ...ec, ...subject, ...out], { stdio: 'pipe' });
}

function install(name: string): void {
  cpSync(file(`${name}.key`), files.key);
  cpSync(file(`${name}.pem`), files.cert);
}

beforeAll(() => {
  for (const name of ['first', 'second']) selfSigned(name);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function joinSafely(cloud: Cloud, ca: string) {
  const socket = new WebSocket(cloud.url.replace('http', 'ws'), 'earl.v1.json', { ca: readFileSync(file(ca)) });
  await once(socket, 'open');
  const ask = async (message: object): Promise<unknown> => {
    const answer = once(socket, 'message');
    socket.send(JSON.stringify(message));
    return JSON.parse(String((await answer)[0]));
  };
  expect(await ask({ op: 'hello' })).toMatchObject({ op: 'welcome' });
  return { socket, ask };
}

/** Whose certificate a new connection is shown. */
async function shown(cloud: Cloud): Promise<string> {
  const socket = connect({ port: cloud.port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

describe('a cloud with a certificate', () => {
  it('speaks wss: and https:, and exchanges the certificate under its connections', async () => {
    install('first');
    const lines: string[] = [];
    const cloud = await start({ tls: files, limits: { fileCheckMs: 20 }, log: (line) => lines.push(line) });
    expect(cloud.url).toMatch(/^https:/);
    const client = await joinSafely(cloud, 'first.pem');
    // Half of an exchange: a key that is not the certificate's.
    writeFileSync(files.key, readFileSync(file('second.key')));
    await expect.poll(() => lines.join()).toContain('stays as it was');
    expect(await shown(cloud)).toBe('first');
    install('second');
    await expect.poll(() => shown(cloud)).toBe('second');
    expect(await client.ask({ op: 'ping', id: 1 })).toEqual({ op: 'pong', id: 1 });
    await joinSafely(cloud, 'second.pem');
    await expect(joinSafely(cloud, 'first.pem')).rejects.toThrow(/self.signed/);
    expect(lines.join()).not.toContain('PRIVATE');
  });

  it('does not speak ws: on that port, nor TLS before 1.2', async () => {
    install('first');
    const cloud = await start({ tls: files });
    const plain = connectTcp(cloud.port, '127.0.0.1');
    plain.on('error', () => {});
    plain.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    let answer = '';
    plain.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    await once(plain, 'close');
    expect(answer).not.toContain('HTTP/1.1 2');
    const old = connect({
      port: cloud.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    await expect(once(old, 'secureConnect')).rejects.toThrow();
  });

  it('ends who does not finish the handshake in time', async () => {
    install('first');
    const cloud = await start({ tls: files, limits: { headersTimeoutMs: 50 } });
    const slow = connectTcp(cloud.port, '127.0.0.1');
    slow.on('error', () => {});
    slow.write(Buffer.from('1603010200', 'hex'));
    await once(slow, 'close');
  });

  it('is not started with files that are none', async () => {
    install('first');
    await expect(start({ tls: { cert: files.key, key: files.key } })).rejects.toMatchObject({ code: 'TLS_BAD' });
    await expect(start({ tls: { cert: files.cert, key: file('none') } })).rejects.toMatchObject({ code: 'TLS_BAD' });
  });
});
