/** Takes WebSocket handshakes one by one: refuses what there is no room or time for, and what the policy refuses. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorMessage } from '../../errors/index.ts';
import { type Decision, decideHandshake, type HandshakePolicy, refuseHandshake } from './handshake.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import { Bucket } from './rate.ts';

type Refused = Extract<Decision, { status: number }>;
type Accepted = Exclude<Decision, Refused>;

/** What the answer depends on beside the request. */
export interface HandshakeState {
  readonly policy: HandshakePolicy;
  readonly limits: ServerLimits;
  readonly counters: CloudCounters;
  connections(): number;
  isDraining(): boolean;
  log(line: string): void;
}

export class Handshakes {
  readonly #state: HandshakeState;
  readonly #rate: Bucket;

  constructor(state: HandshakeState) {
    this.#state = state;
    this.#rate = new Bucket(state.limits.handshakes);
  }

  /** Why there is no room for another connection now. Counts a handshake. */
  noRoom(): Refused | undefined {
    return this.#isFull() ?? this.#isFlooded();
  }

  /** Calls `accepted`, or answers with a status and a sentence. */
  take(request: IncomingMessage, socket: Duplex, accepted: (decision: Accepted) => void): void {
    const end = (decision: Decision) => {
      if (!('status' in decision)) {
        accepted(decision);
        return;
      }
      this.#state.counters.refusedHandshakes += 1;
      refuseHandshake(socket, decision.status, decision.problem);
    };
    const decision = this.noRoom() ?? decideHandshake(request, this.#state.policy);
    if (!(decision instanceof Promise)) {
      end(decision);
      return;
    }
    const onError = () => socket.destroy();
    socket.on('error', onError);
    decision
      .then((decided) => {
        socket.off('error', onError);
        if (!socket.destroyed) end(this.#isFull() ?? decided);
      })
      .catch((error: unknown) => {
        this.#state.log(`a handshake failed: ${errorMessage(error)}`);
        socket.destroy();
      });
  }

  #isFlooded(): Refused | undefined {
    if (this.#rate.tryTake()) return undefined;
    return { status: 503, problem: 'too many connections are being opened: try again in a moment' };
  }

  #isFull(): Refused | undefined {
    if (this.#state.isDraining()) return { status: 503, problem: 'the cloud is shutting down' };
    const { connections } = this.#state.limits;
    if (this.#state.connections() < connections) return undefined;
    return { status: 503, problem: `the cloud has its ${connections} connections: try again later` };
  }
}
