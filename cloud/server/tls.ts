/**
 * The certificate of `https:` and `wss:`, read again when its files change: new handshakes get the new one, connections
 * stay as they are. Files that do not fit together, such as half of an exchange, leave the old one in use.
 */

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import {
  createSecureContext,
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { FileWatch, stateOf } from './file-watch.ts';

export interface TlsFiles {
  /** PEM: the certificate and those between it and the root. */
  readonly cert: string;
  /** PEM: its private key. */
  readonly key: string;
}

type Handler = Parameters<typeof createServer>[1];
type ServerTimes = {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
};

export class Certificate {
  readonly #files: TlsFiles;
  readonly #server: Server;
  readonly #listeners: TlsServer[] = [];
  readonly #handshakeTimeout: number;
  #context: SecureContextOptions | undefined;
  #watch: FileWatch | undefined;

  constructor(files: TlsFiles, times: ServerTimes, handler: Handler) {
    this.#files = files;
    this.#handshakeTimeout = times.headersTimeout;
    this.#server = createServer({ ...times, handshakeTimeout: times.headersTimeout, minVersion: 'TLSv1.2' }, handler);
  }

  /** Without a certificate until `start`. */
  get server(): Server {
    return this.#server;
  }

  /** Rejects with `TLS_BAD`. */
  async start(everyMs: number, log: (line: string) => void): Promise<void> {
    const paths = [this.#files.cert, this.#files.key];
    const seen = await stateOf(paths);
    this.#use(await readCertificate(this.#files));
    this.#watch = new FileWatch(paths, seen, everyMs, async () => {
      try {
        const context = await readCertificate(this.#files);
        this.#use(context);
        log(`TLS: another certificate is in use, valid until ${new X509Certificate(context.cert).validTo}`);
      } catch (error) {
        log(`TLS: the certificate stays as it was: ${errorMessage(error)}`);
      }
    });
  }

  /** Another listener with this certificate, without one until `start`: for what is no HTTP. */
  listener(accept: (socket: TLSSocket) => void): TlsServer {
    const server = createTlsServer({ ...this.#context, handshakeTimeout: this.#handshakeTimeout }, accept);
    this.#listeners.push(server);
    return server;
  }

  stop(): void {
    this.#watch?.close();
  }

  #use(context: SecureContextOptions): void {
    this.#context = context;
    for (const server of [this.#server, ...this.#listeners]) server.setSecureContext(context);
  }
}

async function readCertificate({ cert, key }: TlsFiles): Promise<SecureContextOptions & { readonly cert: Buffer }> {
  try {
    const context = { cert: await readFile(cert), key: await readFile(key), minVersion: 'TLSv1.2' as const };
    createSecureContext(context);
    return context;
  } catch (error) {
    // OpenSSL names the kind of mistake and quotes nothing of the files.
    throw new EarlError('TLS_BAD', `${cert} and ${key} are no certificate with its key: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
