/** The connection as the parts of a client see it: requests with answers, and what to do when one fails. */

import type { EarlError } from '../../errors/index.ts';
import type { ClientMessage } from '../protocol/index.ts';
import type { Answer } from './requests.ts';

export interface Wire {
  readonly connected: boolean;
  /**
   * Sends a request; resolves with its answer. Rejects with `CLOUD_DISCONNECTED` when the connection ends before, with
   * `CLOUD_TOO_LARGE`, and with what the server says.
   */
  request(build: (id: number) => ClientMessage): Promise<Answer>;
  /** Sends a message that has no answer, if there is a connection. */
  send(message: ClientMessage): void;
  /** Whether what failed will be asked again at the next connection. */
  isPassing(error: EarlError): boolean;
  /** Hears what nobody waits for. */
  onError(error: unknown): void;
}
