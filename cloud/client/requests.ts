/** Requests that wait for the server's answer, by id; bounded, and all rejected when the connection ends. */

import { EarlError } from '../../errors/index.ts';
import { errorCodes, type ServerMessage } from '../protocol/index.ts';

/** An answer that is no error. */
export type Answer = Extract<ServerMessage, { op: 'ok' | 'reply' | 'pong' | 'presence' }>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: EarlError) => void;
}

const mostWaiting = 1024;

export class Requests {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  /**
   * Sends a request and resolves with its answer. Rejects with `CLOUD_OVERLOADED` when 1,024 wait already, with the
   * error of the server's answer, or with what `rejectAll` is given.
   */
  ask(send: (id: number) => void): { readonly id: number; readonly answer: Promise<Answer> } {
    const id = ++this.#lastId;
    const answer = new Promise<Answer>((resolve, reject) => {
      if (this.#waiting.size >= mostWaiting) {
        reject(
          new EarlError('CLOUD_OVERLOADED', `${mostWaiting} requests wait for the cloud already: try again later`),
        );
        return;
      }
      send(id);
      this.#waiting.set(id, { resolve, reject });
    });
    return { id, answer };
  }

  /** An id for a request whose answer is heard elsewhere. */
  newId(): number {
    return ++this.#lastId;
  }

  settle(answer: Answer): void {
    this.#take(answer.id)?.resolve(answer);
  }

  /** Rejects one request, if it still waits. */
  reject(id: number, error: EarlError): void {
    this.#take(id)?.reject(error);
  }

  rejectAll(error: EarlError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

/** Whether an error means: later (docs/protocol.md, "What goes wrong"). */
export function isPassingCode(code: number): boolean {
  return code >= 200;
}

/** The server's `error` as what the client rejects with. */
export function serverError(code: number, message: string): EarlError {
  switch (code) {
    case errorCodes.noSuchProbe:
      return new EarlError('CLOUD_NO_PROBE', message);
    case errorCodes.timeout:
      return new EarlError('CLOUD_TIMEOUT', message);
    case errorCodes.overloaded:
      return new EarlError('CLOUD_OVERLOADED', message);
    case errorCodes.unauthorized:
      return new EarlError('CLOUD_UNAUTHORIZED', message);
    default:
      return new EarlError('CLOUD_REFUSED', `the cloud refused the request (${code}): ${message}`);
  }
}
