/** The answering half of a client: which probes it serves, told to the server anew after every reconnect. */

import { EarlError } from '../../errors/index.ts';
import { type CommandResult, probeProblem, type ServerMessage } from '../protocol/index.ts';
import type { CloudClient } from './client.ts';
import type { Wire } from './wire.ts';

type Answerer = Parameters<CloudClient['serve']>[1];

export class Serving {
  readonly #wire: Wire;
  #served: { readonly probes: readonly string[]; readonly answer: Answerer } | undefined;
  /** Resolved by the next `serve` that the server acknowledges. */
  #waiting: { resolve: () => void; reject: (error: EarlError) => void }[] = [];

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  serve(probes: readonly string[], answer: Answerer): Promise<void> {
    this.#served = { probes: [...probes], answer };
    const acknowledged = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#wire.connected) this.#tell();
    return acknowledged;
  }

  /** A connection begins. */
  renew(): void {
    if (this.#served) this.#tell();
  }

  rejectAll(error: EarlError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  async answer({ call, probe, command, timeoutMs }: Extract<ServerMessage, { op: 'command' }>): Promise<void> {
    let result: CommandResult = { status: 'unknown', data: [], message: 'whoever serves the probe failed to answer' };
    try {
      if (this.#served) result = await this.#served.answer(probe, command, { id: call, timeoutMs });
    } catch (error) {
      this.#wire.onError(error);
    }
    // When the connection has ended meanwhile, the server has told the sender that the outcome is unknown.
    this.#wire.send({ op: 'reply', call, result });
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#wire
      .request((id) => ({ op: 'serve', id, probes: [...(this.#served?.probes ?? [])] }))
      .then(
        () => {
          for (const { resolve } of waiting.splice(0)) resolve();
        },
        (error: EarlError) => {
          if (this.#wire.isPassing(error)) return;
          if (waiting.length === 0) this.#wire.onError(error);
          for (const { reject } of waiting.splice(0)) reject(error);
        },
      );
  }
}

/** Throws `CLOUD_BAD_TOPIC` for what is no probe. */
export function checkProbes(probes: readonly string[]): void {
  for (const probe of probes) {
    const problem = probeProblem(probe);
    if (problem !== undefined) throw new EarlError('CLOUD_BAD_TOPIC', `${problem}: ${JSON.stringify(probe)}`);
  }
}
