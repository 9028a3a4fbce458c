/** NATS in several regions: real nats-servers with the configurations of docs/scaling.md, "Regions". */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NatsBroker, type NatsBrokerOptions } from '../../cloud/broker/nats.ts';
import { freePort } from '../../cloud/workers/free-port.ts';
import { packageRoot } from '../../host/cli/package-root.ts';
import { Engine } from './engines.ts';
import { TcpLink } from './tcp-link.ts';

export interface Region {
  readonly engine: Engine;
  /** What a server in the region is given as its backplane. */
  readonly url: string;
  /** Between the region and home; the home itself has none. */
  readonly link: TcpLink | undefined;
}

export class Regions {
  readonly home: Region;
  readonly #leafPort: number;
  readonly #opened: (() => Promise<unknown>)[] = [];

  static async start(): Promise<Regions> {
    const leafPort = await freePort();
    const engine = await Engine.natsConfigured(
      documented('home.conf').replace('0.0.0.0:7422', `127.0.0.1:${leafPort}`),
    );
    return new Regions(engine, leafPort);
  }

  private constructor(engine: Engine, leafPort: number) {
    this.home = { engine, url: engine.url.replace('//', '//earl:password-of-earl@'), link: undefined };
    this.#leafPort = leafPort;
    this.#opened.push(() => engine.remove());
  }

  /** @param delayMs of the link to home, one way */
  async leaf(name: string, delayMs = 0): Promise<Region> {
    const link = await TcpLink.open(this.#leafPort, delayMs);
    this.#opened.push(() => link.close());
    const engine = await Engine.natsConfigured(
      documented('eu.conf')
        .replaceAll(/\beu\b/g, name)
        .replace('home.example:7422', `127.0.0.1:${link.port}`),
    );
    this.#opened.push(() => engine.remove());
    return { engine, url: `${engine.url}?home=home`, link };
  }

  async connect(region: Region, options: Partial<NatsBrokerOptions> = {}): Promise<NatsBroker> {
    for (;;) {
      try {
        const broker = await NatsBroker.connect({ url: region.url, watchMs: 200, ...options });
        this.#opened.push(() => broker.close());
        return broker;
      } catch (error) {
        // The leaf node may not have reached its home yet.
        if (!/is the domain/.test(String(error))) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    for (const close of this.#opened.splice(0).reverse()) await close();
  }
}

/** A configuration as the documentation has it. */
function documented(name: string): string {
  const text = readFileSync(join(packageRoot(), 'docs/scaling.md'), 'utf8');
  const block = new RegExp(`\`${name}\`[^]*?\`\`\`[a-z]*\n([^]*?)\`\`\``).exec(text)?.[1];
  if (block === undefined) throw new Error(`docs/scaling.md has no ${name}`);
  return block;
}
