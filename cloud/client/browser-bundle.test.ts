/** The client's browser door needs nothing of Node's. */
import { once } from 'node:events';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

it('bundles for browsers without an import left, and runs with the globals of a page only', async () => {
  const entry = join(import.meta.dirname, 'index.ts');
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { connect } from ${JSON.stringify(entry)};`, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'earl',
    target: 'es2022',
  });
  expect(Object.keys(metafile.inputs).filter((path) => !/^(<stdin>|cloud\/|errors\/)/.test(path))).toEqual([]);

  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const page = createContext({
    URL,
    WebSocket,
    TextEncoder,
    TextDecoder,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    queueMicrotask,
    btoa,
    performance,
    crypto,
    console,
  });
  runInContext(outputFiles[0]!.text, page);
  const connection = once(server, 'connection');
  const client = runInContext(`earl.connect({ url: 'http://127.0.0.1:${port}/#token=x' })`, page);
  const [socket] = (await connection) as [WebSocket];
  const [hello] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(hello.toString())).toEqual({ op: 'hello', publisher: expect.stringMatching(/^[0-9a-f]{24}$/) });
  await client.close();
  server.close();
});
