/** Workers whose process does not come to be; what those that run do is judged in test/cloud/workers.test.ts. */
import cluster from 'node:cluster';
import { expect, it } from 'vitest';
import { WorkerProcess } from './worker-process.ts';

it('one that cannot be started has ended, and says why', async () => {
  cluster.setupPrimary({ exec: import.meta.filename, cwd: '/nowhere/at/all' });
  const ends: string[] = [];
  const worker = new WorkerProcess(1, {
    onReady: () => {},
    onAskedForMetrics: async () => '',
    onLeaving: () => {},
    onExit: (_, how) => ends.push(how),
  });
  await expect(worker.listening).rejects.toMatchObject({ code: 'WORKER_ENDED', message: /not started: .*ENOENT/ });
  await worker.exited;
  expect(worker.state).toBe('gone');
  expect(ends).toEqual([expect.stringContaining('ENOENT')]);
  await worker.drain(0, true, 0);
});
