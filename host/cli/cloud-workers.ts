/** `earl cloud --workers`: the primary, which starts the workers, and what it tells of them. */

import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from 'commander';
import type { CloudOptions } from '../../cloud/server/index.ts';
import { defaultScaling, Supervisor, type WorkerEvent } from '../../cloud/workers/index.ts';
import type { RunningCloud } from './cloud.ts';

export interface WorkersOptions {
  workers?: number | 'auto';
  scaleDown?: number;
  drain: number;
  json?: true;
}

const mostWorkers = 64;
const standardMoveMs = 5_000;

/** Over which time clients move from one worker to others: that of `--drain`, if there is one. */
export function moveMs({ drain }: WorkersOptions): number {
  return drain > 0 ? drain : standardMoveMs;
}

export function parseWorkers(text: string): number | 'auto' {
  if (text === 'auto') return 'auto';
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= mostWorkers) return count;
  throw new InvalidArgumentError(`Workers are a whole number from 1 to ${mostWorkers}, or auto.`);
}

export async function superviseWorkers(
  options: WorkersOptions,
  workers: number | 'auto',
  cloud: CloudOptions,
): Promise<RunningCloud> {
  // Whoever reads the output finds the address first.
  const held: WorkerEvent[] = [];
  let say = (event: WorkerEvent): void => {
    held.push(event);
  };
  const removeAfterMs = options.scaleDown ?? defaultScaling.removeAfterMs;
  // Listened to from the beginning: without a listener the signal ends the process.
  let renew = (): void => console.error('earl: the workers are just being started: nothing to renew');
  process.on('SIGUSR2', () => renew());
  const supervisor = await Supervisor.start({
    workers,
    script: ownScript(),
    host: cloud.host ?? '127.0.0.1',
    port: cloud.port ?? 8080,
    mqttPort: cloud.mqttPort,
    token: cloud.token,
    hasKeys: cloud.keys !== undefined,
    hasEngine: cloud.backplane !== undefined,
    journal: cloud.journal,
    moveMs: moveMs(options),
    scaling: {
      removeAfterMs,
      // Who wants workers to end sooner waits no longer than that for anything.
      coolDownMs: Math.min(defaultScaling.coolDownMs, removeAfterMs),
    },
    onEvent: (event) => say(event),
    log: (line) => console.error(line),
  });
  renew = () => {
    console.error('earl: renewing the workers one after the other');
    void supervisor.restart();
  };
  const { url, token, mqttPort, failed } = supervisor;
  return {
    url,
    token,
    mqttPort,
    failed,
    announced: () => {
      say = (event) => tell(event, options.json === true);
      for (const event of held) say(event);
    },
    drain: (overMs) => supervisor.drain(overMs),
    kill: () => supervisor.kill(),
  };
}

/** What to run again: the command, or what tools/run.mjs made of its source. */
function ownScript(): string {
  const command = process.argv[1] ?? '';
  return command === '' || command.endsWith('.ts') ? fileURLToPath(import.meta.url) : command;
}

function tell(event: WorkerEvent, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify(event));
    return;
  }
  const who = `worker ${event.worker} (process ${event.pid})`;
  const rest = `${event.workers} ${event.workers === 1 ? 'takes' : 'take'} connections`;
  switch (event.event) {
    case 'worker_started':
      console.error(`${who} has started: ${rest}`);
      return;
    case 'worker_drained':
      console.error(`${who} has sent its clients away and ended: ${rest}`);
      return;
    case 'worker_exited':
      console.error(`${who} has ended (${event.how}): ${rest}`);
      return;
    default:
      event satisfies never;
  }
}
