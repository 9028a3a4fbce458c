/** Workers: several processes that are one cloud on one port (docs/adr/0011-workers.md). */
export { defaultScaling, type ScalingPolicy } from './scaling.ts';
export { Supervisor, type SupervisorOptions, type WorkerEvent } from './supervisor.ts';
export { runWorker } from './worker.ts';
