/** The commands of one session: those that it sends, and those for the probes that it serves. */

import { type ClientMessage, errorCodes, limits as protocolLimits } from '../protocol/index.ts';
import { type Admission, refusalOf } from './admission.ts';
import type { Answers } from './answers.ts';
import type { CommandRouter } from './command-router.ts';
import type { GatewayCalls } from './gateway-calls.ts';

type Request<Op extends ClientMessage['op']> = Extract<ClientMessage, { op: Op }>;

export class SessionCommands {
  readonly #router: CommandRouter;
  readonly #answers: Answers;
  readonly #admission: Admission;
  readonly #session: string;
  readonly #mostPending: number;
  #gateway: GatewayCalls | undefined;
  #pending = 0;

  /** @param mostPending commands that wait for a result; beyond, `error` 104 */
  constructor(router: CommandRouter, answers: Answers, admission: Admission, session: string, mostPending: number) {
    this.#router = router;
    this.#answers = answers;
    this.#admission = admission;
    this.#session = session;
    this.#mostPending = mostPending;
  }

  /** Sends a command and answers with its result. */
  command({ id, probe, command, timeoutMs }: Request<'command'>): void {
    if (!this.#admission.rights.may('command', probe)) {
      this.#answers.fail(id, errorCodes.forbidden, refusalOf('command', probe));
      return;
    }
    if (this.#pending >= this.#mostPending) {
      this.#answers.fail(id, errorCodes.tooMany, `${this.#mostPending} commands of this connection wait for a result`);
      return;
    }
    this.#pending += 1;
    this.#router
      .command(probe, command, timeoutMs ?? protocolLimits.commandTimeoutMs.standard)
      .then((result) => this.#answers.send({ op: 'reply', id, result }))
      .catch((error: unknown) => this.#answers.failWith(id, error))
      .finally(() => {
        this.#pending -= 1;
      });
  }

  /** Serves these probes and no others. Rejects with a `RequestError`. */
  async serve(probes: readonly string[]): Promise<void> {
    this.#admission.mustAllow('serve', probes);
    this.#gateway ??= this.#router.gateway(this.#session, ({ call, probe, command, timeoutMs }) =>
      this.#answers.send({ op: 'command', call, probe, command, timeoutMs }),
    );
    await this.#gateway.serve(probes);
  }

  reply({ call, result }: Request<'reply'>): void {
    // Too late a reply is no fault of the gateway: the client has heard of the timeout.
    this.#gateway?.reply(call, result);
  }

  /** Serves no more than what may be served. */
  async keep(may: (probe: string) => boolean): Promise<void> {
    await this.#gateway?.keep(may);
  }

  close(): void {
    // A broker that is closed as well has forgotten the session already.
    this.#gateway?.close().catch(() => {});
  }
}
