/** What the sessions of one server share, whichever subprotocol they speak. */

import type { Broker } from '../broker/index.ts';
import type { CommandRouter } from './command-router.ts';
import type { FrameCache } from './frames.ts';
import type { CloudCounters, ServerLimits } from './options.ts';
import type { QueueBudget } from './outbox.ts';
import type { Presence } from './presence.ts';
import type { TokenGate } from './tokens.ts';
import type { Wills } from './wills.ts';

export interface SessionServices {
  readonly broker: Broker;
  readonly commands: CommandRouter;
  readonly frames: FrameCache;
  readonly limits: ServerLimits;
  readonly counters: CloudCounters;
  readonly serverName: string;
  readonly presence: Presence;
  readonly wills: Wills;
  /** A name for a session, unlike all others of all servers. */
  readonly newSession: () => string;
  readonly gate: TokenGate;
  readonly queues: QueueBudget;
}
