/** The messages of all workers, held by the primary when there is no engine: a broker, and the hub that shares it. */

import { randomBytes } from 'node:crypto';
import { errorMessage } from '../../errors/index.ts';
import { HubFolder } from '../broker/hub-folder.ts';
import { HubServer } from '../broker/hub-server.ts';
import { Journal, type JournalOptions, LocalBroker } from '../broker/index.ts';

export class WorkerStore {
  readonly broker: LocalBroker;
  /** How workers get in. */
  readonly access: { readonly socket: string; readonly secret: string };
  readonly #folder: HubFolder;
  readonly #log: (line: string) => void;
  #hub: HubServer | undefined;

  /** Throws as `Journal` and `HubFolder` do. */
  constructor(journal: JournalOptions | undefined, log: (line: string) => void) {
    this.#log = log;
    this.#folder = new HubFolder();
    this.access = { socket: this.#folder.socket, secret: randomBytes(32).toString('hex') };
    try {
      this.broker = new LocalBroker({
        ...(journal && { journal: new Journal(journal) }),
        onFailed: (error) => log(`no messages are taken any more: ${errorMessage(error)}`),
      });
    } catch (error) {
      this.#folder.remove();
      throw error;
    }
  }

  /** Undefined until `open`. */
  get hub(): HubServer | undefined {
    return this.#hub;
  }

  /** Workers may connect from now on. Rejects with `HUB_FAILED`. */
  async open(): Promise<void> {
    this.#hub = await HubServer.listen({ broker: this.broker, ...this.access, log: this.#log });
  }

  async close(): Promise<void> {
    await this.#hub?.close();
    await this.broker.close();
    this.remove();
  }

  /** Removes what would be left in the folder for temporary files; for an end at once. */
  remove(): void {
    this.#folder.remove();
  }
}
