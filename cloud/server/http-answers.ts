/** What the cloud answers over plain HTTP: the dashboard's files, `/health` and `/metrics`. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Broker, LocalBroker } from '../broker/index.ts';
import { type HandshakePolicy, operatorProblem } from './handshake.ts';
import type { DeliveryCheck } from './health.ts';
import type { Metrics } from './metrics.ts';
import type { CloudCounters, WorkerSeat } from './options.ts';
import { sendText, serveFile } from './static-files.ts';

/** What the answers tell of. */
export interface ToldOf {
  readonly broker: Broker;
  readonly counters: CloudCounters;
  readonly delivery: DeliveryCheck;
  readonly metrics: Metrics;
  readonly policy: HandshakePolicy;
  readonly serverName: string;
  /** Folder of the dashboard's files. */
  readonly webRoot: string | undefined;
  readonly seat: WorkerSeat | undefined;
  sockets(): string;
  connections(): number;
  isDraining(): boolean;
}

export class HttpAnswers {
  readonly #parts: ToldOf;
  readonly #startedAt = performance.now();

  constructor(parts: ToldOf) {
    this.#parts = parts;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendText(request, response, 405, 'Only GET and HEAD.\n', { Allow: 'GET, HEAD' });
    } else if (request.url?.split('?', 1)[0] === '/health') {
      await this.#health(request, response);
    } else if (request.url?.split('?', 1)[0] === '/metrics') {
      await this.#metricsText(request, response);
    } else {
      await serveFile(this.#parts.webRoot, request, response);
    }
  }

  async #health(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const delivery = await this.#parts.delivery.check();
    const { serverName, broker, counters, seat } = this.#parts;
    const isDraining = this.#parts.isDraining();
    const isWell = delivery.ok && !isDraining;
    const body = JSON.stringify({
      status: isDraining ? 'draining' : delivery.ok ? 'ok' : 'failing',
      server: serverName,
      ...(seat && { worker: seat.worker, workers: seat.workers() }),
      uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1000),
      delivery,
      sockets: this.#parts.sockets(),
      connectionsNow: this.#parts.connections(),
      ...(broker instanceof LocalBroker ? { retained: broker.retained, history: broker.history } : {}),
      sinceStart: counters,
    });
    sendText(request, response, isWell ? 200 : 503, `${body}\n`, { 'Content-Type': 'application/json' });
  }

  async #metricsText(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = await operatorProblem(request, this.#parts.policy);
    if (refused !== undefined) {
      const headers = refused.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {};
      sendText(request, response, refused.status, `${refused.problem}\n`, headers);
      return;
    }
    const { metrics, seat } = this.#parts;
    const own = await metrics.text();
    const text = (await seat?.allMetrics(own)) ?? own;
    sendText(request, response, 200, text, { 'Content-Type': metrics.contentType });
  }
}
