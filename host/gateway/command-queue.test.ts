import { expect, test } from 'vitest';
import type { CommandResult } from '../../cloud/protocol/messages.ts';
import { VirtualClock } from '../link/clock.ts';
import { CommandQueue } from './command-queue.ts';

const ok: CommandResult = { status: 'ok', data: [] };

function queueOf(maxWaiting = 2, maxWaitMs = 1000) {
  const clock = new VirtualClock();
  return { clock, queue: new CommandQueue({ clock, maxWaiting, maxWaitMs }) };
}

/** A run that lasts until `finish`. */
function slow() {
  let finish: () => void = () => {};
  const ended = new Promise<CommandResult>((resolve) => {
    finish = () => resolve(ok);
  });
  return { run: () => ended, finish: () => finish() };
}

test('one command at a time, in order', async () => {
  const { queue } = queueOf();
  const log: string[] = [];
  const first = slow();
  const results = [
    queue.add(() => {
      log.push('first starts');
      return first.run();
    }),
    queue.add(async () => {
      log.push('second starts');
      return ok;
    }),
  ];
  await Promise.resolve();
  expect(log).toEqual(['first starts']);
  first.finish();
  expect(await Promise.all(results)).toEqual([ok, ok]);
  expect(log).toEqual(['first starts', 'second starts']);
});

test('a full queue refuses, and does not run what it refused', async () => {
  const { queue } = queueOf(1);
  const first = slow();
  const running = queue.add(first.run);
  const waiting = queue.add(async () => ok);
  let ran = false;
  const refused = await queue.add(async () => {
    ran = true;
    return ok;
  });
  expect(refused.status).toBe('busy');
  first.finish();
  await Promise.all([running, waiting]);
  expect(ran).toBe(false);
});

test('a command that waited too long is not executed any more', async () => {
  const { queue, clock } = queueOf();
  const first = slow();
  const running = queue.add(first.run);
  let ran = false;
  const late = queue.add(async () => {
    ran = true;
    return ok;
  });
  await clock.advance(1001);
  first.finish();
  await running;
  expect((await late).status).toBe('timeout');
  expect(ran).toBe(false);
});

test('a run that throws is answered and the next one runs', async () => {
  const { queue } = queueOf();
  expect(await queue.add(() => Promise.reject(new Error('lost')))).toMatchObject({ status: 'unknown' });
  expect(await queue.add(async () => ok)).toEqual(ok);
});
