/**
 * Decides about each WebSocket handshake before it is answered (RFC 6455, section 4.2.2).
 *
 * A page of any site may open a WebSocket to this server, so a handshake with an `Origin` must come from the server's
 * own page or an allowed one. Without a token there are two more ways in: a foreign name that resolves to 127.0.0.1 (DNS
 * rebinding), so the `Host` must be a loopback name too; and a proxy on this machine that others reach (forwarded.ts).
 * Programs send no `Origin` and are let through.
 */

import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { SUBPROTOCOL_BINARY, SUBPROTOCOL_ECHO, SUBPROTOCOL_JSON, SUBPROTOCOL_MQTT } from '../protocol/index.ts';
import { isForwardedFromElsewhere } from './forwarded.ts';
import { isLoopback, type TokenGate } from './tokens.ts';
import { type Grant, TokenProblem } from './tokens-jwt.ts';

export interface HandshakePolicy {
  readonly gate: TokenGate;
  readonly allowedOrigins: readonly string[];
  /** Listening on loopback only. */
  readonly loopback: boolean;
}

export type Decision =
  /** Without `grant` the token is still to be shown. */
  | { readonly subprotocol: string; readonly grant: Grant | undefined }
  | { readonly status: number; readonly problem: string };

const spoken: readonly string[] = [SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON, SUBPROTOCOL_ECHO, SUBPROTOCOL_MQTT];

/** A promise only where a signature is checked. */
export function decideHandshake(request: IncomingMessage, policy: HandshakePolicy): Decision | Promise<Decision> {
  const url = requestUrl(request);
  if (url?.pathname !== '/') return { status: 404, problem: 'the WebSocket is at the path /' };
  const foreign = originProblem(request, policy);
  if (foreign !== undefined) return { status: 403, problem: foreign };
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const subprotocol = chooseSubprotocol(offered);
  if (subprotocol === undefined) {
    const problem = `offer one of the subprotocols ${spoken.join(', ')} in Sec-WebSocket-Protocol`;
    return { status: 400, problem };
  }
  const shown = bearerToken(request) ?? url.searchParams.get('token') ?? undefined;
  if (shown === undefined && !policy.gate.isOpen) {
    // A client of earl.v1 can still show it in hello; a thesis client has no message for it.
    if (subprotocol !== SUBPROTOCOL_ECHO) return { subprotocol, grant: undefined };
    return { status: 401, problem: 'show the token: Authorization: Bearer TOKEN, or /?token=TOKEN' };
  }
  return decideToken(shown, subprotocol, policy.gate);
}

function decideToken(shown: string | undefined, subprotocol: string, gate: TokenGate): Decision | Promise<Decision> {
  const refused = (error: unknown): Decision => {
    if (!(error instanceof TokenProblem)) throw error;
    return { status: 401, problem: error.message };
  };
  try {
    const grant = gate.admit(shown);
    if (!(grant instanceof Promise)) return { subprotocol, grant };
    return grant.then((granted) => ({ subprotocol, grant: granted }), refused);
  } catch (error) {
    return refused(error);
  }
}

/**
 * Why a request may not see what is meant for operators, or undefined when it may: a page must be allowed, a token
 * shown where the cloud has one, and a signed token must allow to subscribe to everything.
 */
export async function operatorProblem(
  request: IncomingMessage,
  policy: HandshakePolicy,
): Promise<{ readonly status: number; readonly problem: string } | undefined> {
  const foreign = originProblem(request, policy);
  if (foreign !== undefined) return { status: 403, problem: foreign };
  const shown = bearerToken(request) ?? requestUrl(request)?.searchParams.get('token') ?? undefined;
  try {
    const { rights } = await policy.gate.admit(shown);
    if (rights.may('subscribe', '#')) return undefined;
    return { status: 403, problem: 'the token must allow to subscribe to #' };
  } catch (error) {
    if (!(error instanceof TokenProblem)) throw error;
    return { status: 401, problem: error.message };
  }
}

/** The first of the client's offers that this server speaks. */
export function chooseSubprotocol(offered: Iterable<string>): string | undefined {
  return [...offered].find((name) => spoken.includes(name));
}

/** Answers a handshake with an HTTP error in plain text and ends the connection. */
export function refuseHandshake(socket: Duplex, status: number, problem: string): void {
  const body = `${problem}\n`;
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `X-Content-Type-Options: nosniff\r\n${status === 503 ? 'Retry-After: 1\r\n' : ''}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Why a page may not talk to this server, or undefined when it may. */
function originProblem(request: IncomingMessage, policy: HandshakePolicy): string | undefined {
  const { origin, host } = request.headers;
  const allowed = policy.allowedOrigins.map((entry) => entry.toLowerCase().replace(/\/$/, ''));
  if (policy.loopback && policy.gate.isOpen) {
    if (!isKnownHost(host, allowed)) {
      return `this cloud has no token and answers to loopback names only, not to ${host}: allow its origin`;
    }
    if (isForwardedFromElsewhere(request.headers)) {
      return 'this cloud has no token, and a proxy brings you from another machine: start it with --token or --keys';
    }
  }
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin.toLowerCase())) return undefined;
  const page = parseUrl(origin);
  const self = page && parseUrl(`${page.protocol}//${host}`);
  if (page && self && page.host !== '' && page.host === self.host) return undefined;
  return `pages of ${origin} may not connect: allow this origin`;
}

function isKnownHost(host: string | undefined, allowedOrigins: readonly string[]): boolean {
  if (host === undefined) return false;
  const url = parseUrl(`http://${host}`);
  if (!url) return false;
  if (isLoopback(url.hostname) || allowedOrigins.includes('*')) return true;
  return allowedOrigins.some((entry) => parseUrl(entry)?.hostname === url.hostname);
}

function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

function requestUrl(request: IncomingMessage): URL | undefined {
  return request.url?.startsWith('/') ? parseUrl(`http://earl.invalid${request.url}`) : undefined;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
