/**
 * When `--workers auto` adds a worker and when it removes one: a function of what was measured, without clocks.
 *
 * A worker is added when the workers' event loops are late, as the Cranfield thesis (2014) wished, or when they are hardly
 * ever idle. Lag alone comes too late (it is near zero until a loop is full, and then clients feel it already) and too
 * often (garbage collection, or a machine that is busy with something else, makes it where no worker would help): so lag
 * counts only where the loops are busy as well. A worker is removed by utilisation alone, since only that can be added
 * up: what all do together must fit into the rest, with room.
 *
 * What keeps it from flapping: adding and removing have thresholds far apart, a threshold must hold for a while without
 * interruption, and after each change a time passes before the next.
 */

export interface ScalingPolicy {
  /** Fewest and most workers. */
  readonly least: number;
  readonly most: number;
  /** Mean lag of the workers above which they are too few, if they are busy. */
  readonly addLagMs: number;
  /** Mean utilisation above which they are too few; and that above which lag counts. */
  readonly addUtilisation: number;
  readonly busyUtilisation: number;
  /** How long that must hold. */
  readonly addAfterMs: number;
  /** Utilisation of the rest, were one worker gone, below which it can go. */
  readonly removeUtilisation: number;
  readonly removeAfterMs: number;
  /** Time after a change before the next. */
  readonly coolDownMs: number;
  /** Utilisation of the hub above which more workers only wait for it. */
  readonly hubUtilisation: number;
}

export const defaultScaling: Omit<ScalingPolicy, 'most'> = {
  least: 1,
  addLagMs: 25,
  addUtilisation: 0.8,
  busyUtilisation: 0.5,
  addAfterMs: 3_000,
  removeUtilisation: 0.5,
  removeAfterMs: 60_000,
  coolDownMs: 10_000,
  hubUtilisation: 0.9,
};

/** What was measured at one time. */
export interface Load {
  readonly atMs: number;
  readonly workers: readonly { readonly lagMs: number; readonly utilisation: number }[];
  /** Utilisation of the primary with the hub; 0 without one. */
  readonly hubUtilisation: number;
}

/** What is remembered from one decision to the next. */
export interface ScalingState {
  /** Since when the workers have been too few, or too many. */
  readonly hotSinceMs?: number;
  readonly coolSinceMs?: number;
  readonly changedAtMs?: number;
}

export interface Decision {
  readonly state: ScalingState;
  readonly action: 'add' | 'remove' | undefined;
  /** One line with the figures, when something was decided. */
  readonly reason?: string;
}

export function decide(policy: ScalingPolicy, before: ScalingState, load: Load): Decision {
  const count = load.workers.length;
  if (count === 0) return { state: kept(before), action: undefined };
  const mean = (of: (worker: Load['workers'][number]) => number) =>
    load.workers.reduce((sum, worker) => sum + of(worker), 0) / count;
  const lagMs = mean((worker) => worker.lagMs);
  const utilisation = mean((worker) => worker.utilisation);
  const isHot =
    utilisation >= policy.addUtilisation || (lagMs >= policy.addLagMs && utilisation >= policy.busyUtilisation);
  const withoutOne = count > 1 ? (utilisation * count) / (count - 1) : Number.POSITIVE_INFINITY;
  const isCool = withoutOne <= policy.removeUtilisation;
  const hotSinceMs = isHot ? (before.hotSinceMs ?? load.atMs) : undefined;
  const coolSinceMs = isCool ? (before.coolSinceMs ?? load.atMs) : undefined;
  const state = kept({ ...before, hotSinceMs, coolSinceMs });
  if (load.atMs - (before.changedAtMs ?? Number.NEGATIVE_INFINITY) < policy.coolDownMs) {
    return { state, action: undefined };
  }
  const figures = `lag ${lagMs.toFixed(1)} ms, busy ${percent(utilisation)} of the time, of ${count}`;
  const changed = (action: 'add' | 'remove', reason: string): Decision => ({
    state: { changedAtMs: load.atMs },
    action,
    reason,
  });
  if (hotSinceMs !== undefined && load.atMs - hotSinceMs >= policy.addAfterMs && count < policy.most) {
    // What was not decided is asked again when the hub has room, not every time.
    if (load.hubUtilisation >= policy.hubUtilisation) {
      const reason = `no worker is added, the hub itself is busy ${percent(load.hubUtilisation)} of the time: ${figures}`;
      return { state: { changedAtMs: load.atMs }, action: undefined, reason };
    }
    return changed('add', `a worker is added: ${figures} for ${seconds(load.atMs - hotSinceMs)}`);
  }
  if (coolSinceMs !== undefined && load.atMs - coolSinceMs >= policy.removeAfterMs && count > policy.least) {
    const rest = `the rest would be busy ${percent(withoutOne)}`;
    return changed('remove', `a worker is removed: ${figures} for ${seconds(load.atMs - coolSinceMs)}; ${rest}`);
  }
  return { state, action: undefined };
}

function kept(state: {
  hotSinceMs?: number | undefined;
  coolSinceMs?: number | undefined;
  changedAtMs?: number | undefined;
}): ScalingState {
  const { hotSinceMs, coolSinceMs, changedAtMs } = state;
  return {
    ...(hotSinceMs === undefined ? {} : { hotSinceMs }),
    ...(coolSinceMs === undefined ? {} : { coolSinceMs }),
    ...(changedAtMs === undefined ? {} : { changedAtMs }),
  };
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
