/**
 * What a Redis process is set to, as far as it tells, and what that means for messages that were acknowledged
 * (docs/scaling.md, "Engines").
 */

import type { Redis } from 'ioredis';

export interface RedisSettings {
  /** Another after every start of Redis. */
  readonly run: string;
  /** Whether Redis answers only when the disk has what it answers for; false when it may not be asked. */
  readonly durable: boolean;
  /** What an operator should know. */
  readonly warnings: readonly string[];
}

export async function readSettings(redis: Redis): Promise<RedisSettings> {
  const server = await redis.info('server');
  const policy = infoField(await redis.info('memory'), 'maxmemory_policy');
  const appendOnly = await setting(redis, 'appendonly');
  const fsync = await setting(redis, 'appendfsync');
  const warnings = [durabilityWarning(appendOnly, fsync), evictionWarning(policy)];
  return {
    run: infoField(server, 'run_id') ?? '',
    durable: appendOnly === 'yes' && fsync === 'always',
    warnings: warnings.filter((warning) => warning !== undefined),
  };
}

/** Undefined when the user of the connection may not ask. */
async function setting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    return ((await redis.config('GET', name)) as string[])[1];
  } catch (error) {
    if ((error as Error).name !== 'ReplyError') throw error;
    return undefined;
  }
}

function infoField(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1];
}

function durabilityWarning(appendOnly: string | undefined, fsync: string | undefined): string | undefined {
  const advice = 'set appendonly yes and appendfsync always';
  if (appendOnly === undefined) {
    return `Redis does not let this user ask whether it writes to disk (CONFIG GET): ${advice}, or let it ask`;
  }
  if (appendOnly !== 'yes') {
    return `Redis keeps no append-only file: what was acknowledged is lost when it ends; ${advice}`;
  }
  if (fsync === 'always') return undefined;
  const loss = 'what was acknowledged of the last';
  const consequence =
    fsync === 'everysec'
      ? `${loss} two seconds may be lost when Redis or its machine crashes`
      : `${loss} half a minute or so may be lost when its machine crashes`;
  return `Redis has appendfsync ${fsync}: ${consequence}; ${advice}`;
}

function evictionWarning(policy: string | undefined): string | undefined {
  if (policy === undefined || policy === 'noeviction') return undefined;
  return `Redis evicts keys (maxmemory-policy ${policy}), which breaks histories: set it to noeviction`;
}
