/**
 * The dashboard's files, from one folder and nothing outside it.
 *
 * Every file is revalidated (`no-cache` and an ETag of size and time), so that a new build shows at the next reload.
 * What it leaves out: directory listings, ranges and compression.
 */

import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.hex': 'text/plain; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** The page may load and connect to its own server only; charts and LED previews need no inline script or style. */
const securityHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; " +
    "frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

interface FoundFile {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly etag: string;
}

/** Answers a GET or HEAD for a file below `root`: a folder's page has a slash at its end; 404 when there is none. */
export async function serveFile(root: string | undefined, request: IncomingMessage, response: ServerResponse) {
  const pathname = (request.url ?? '/').split(/[?#]/, 1)[0]!;
  const file = root === undefined ? undefined : await findFile(root, pathname);
  if (file === undefined) {
    if (root !== undefined && (await findFile(root, `${pathname}/`)) !== undefined) {
      // Relative, so that it holds behind a proxy with a path of its own.
      sendText(request, response, 308, 'Moved.\n', { Location: `./${pathname.split('/').at(-1)}/` });
      return;
    }
    const built = pathname === '/' ? 'The dashboard is not here: build it with npm run build.\n' : 'Not found.\n';
    sendText(request, response, 404, built);
    return;
  }
  const headers = { ...securityHeaders, 'Cache-Control': 'no-cache', ETag: file.etag };
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'Content-Type': file.type, 'Content-Length': file.size });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  // The client may go away, or the file may change, while it is sent: the connection just ends.
  await pipeline(createReadStream(file.path, { end: Math.max(0, file.size - 1) }), response).catch(() =>
    response.destroy(),
  );
}

/** Answers in plain text. */
export function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, {
    ...securityHeaders,
    'Cache-Control': 'no-store',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

/** The file that a URL path names, or undefined: no such file, no regular one, or one outside the root. */
async function findFile(root: string, pathname: string): Promise<FoundFile | undefined> {
  const name = decodePath(pathname);
  if (name === undefined) return undefined;
  try {
    // Symbolic links are followed before the comparison, so that none leads out of the folder.
    const base = await realpath(root);
    const path = await realpath(join(base, name.endsWith('/') ? `${name}index.html` : name));
    if (!path.startsWith(base + sep)) return undefined;
    const status = await stat(path);
    const type = contentTypes[extname(path).toLowerCase()];
    if (!status.isFile() || type === undefined) return undefined;
    const etag = `"${status.size.toString(16)}-${Math.trunc(status.mtimeMs).toString(16)}"`;
    return { path, type, size: status.size, etag };
  } catch {
    return undefined;
  }
}

/** Percent-decoded, or undefined when it is malformed or has a part that no URL of ours has. */
function decodePath(pathname: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  if (!name.startsWith('/') || name.includes('\0') || name.includes('\\')) return undefined;
  const hidden = name.split('/').some((part) => part.startsWith('.'));
  return hidden ? undefined : name;
}
