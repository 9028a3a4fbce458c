/**
 * The virtual air of this machine, for commands that put something on it: joined where some process serves one, else
 * served in this process for the others to join.
 *
 * An adapter that the user named is left alone. The air that is served here ends with this process.
 */

import { EarlError } from '../../errors/index.ts';
import { type AirServer, connectAir, type HciPort, serveAir, VirtualAir } from '../radio/index.ts';

export interface LocalAir {
  /** For people: `air:127.0.0.1:7433, served here`. */
  readonly description: string;
  /** What others name it: `air:127.0.0.1:7433`, or the adapter that was given. */
  readonly url: string;
  /** Present when it is served here. */
  readonly air?: VirtualAir;
  /** An adapter for one more node on it. */
  adapter(name: string): string | HciPort;
  close(): Promise<void>;
}

/** The default address, as others find it. */
const LOCAL = 'air:127.0.0.1:7433';
/** Tries to settle who serves when several processes begin at once. */
const ATTEMPTS = 3;

/** @param adapter URL of an adapter (docs/radio.md); without one the air of this machine */
export async function openLocalAir(adapter: string | undefined): Promise<LocalAir> {
  if (adapter !== undefined) {
    return { description: adapter, url: adapter, adapter: () => adapter, close: async () => {} };
  }
  for (let attempt = 1; ; attempt++) {
    if (await isServed()) {
      return { description: `${LOCAL}, served elsewhere`, url: LOCAL, adapter: () => LOCAL, close: async () => {} };
    }
    const air = new VirtualAir();
    try {
      return servedHere(air, await serveAir(air));
    } catch (error) {
      const taken = error instanceof EarlError && error.code === 'PORT_IN_USE';
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}

function servedHere(air: VirtualAir, server: AirServer): LocalAir {
  return {
    description: `${server.url}, served here`,
    url: server.url,
    air,
    adapter: (name) => air.attach({ name }).port,
    close: () => server.close(),
  };
}

/** A controller that joins and leaves at once: nobody else notices. */
async function isServed(): Promise<boolean> {
  try {
    const port = await connectAir(LOCAL);
    port.close();
    return true;
  } catch (error) {
    if (error instanceof EarlError && error.code === 'TRANSPORT_NOT_FOUND') return false;
    throw error;
  }
}
