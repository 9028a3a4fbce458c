/**
 * What a limit of one server becomes for one of several workers.
 *
 * What protects a core or a process stays as it is, for each: connections (10,000), handshakes a second, everything that
 * is counted per connection. What protects the memory of the machine is divided.
 */

import { defaultServerLimits, type ServerLimits } from '../server/index.ts';

/** @param mostWorkers as many as there will ever be, so that no limit changes while clients are connected */
export function limitsOfOne(mostWorkers: number): Pick<ServerLimits, 'allQueuesBytes'> {
  return { allQueuesBytes: Math.ceil(defaultServerLimits.allQueuesBytes / mostWorkers) };
}
