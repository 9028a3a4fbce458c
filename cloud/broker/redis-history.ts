/** Reads the histories in Redis: which topics had messages, then those. */

import { isReserved, isWildcard, matches } from '../protocol/index.ts';
import type { BrokerMessage, History, Position } from './broker.ts';
import { incomplete } from './history.ts';
import type { RedisCommands } from './redis-commands.ts';
import { interestOf } from './redis-wire.ts';

/** Topics in one request. */
const topicsPerRead = 512;

export class RedisHistory {
  readonly #commands: RedisCommands;

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  /** As `Broker.read`. */
  async read(filters: readonly string[], since: Position, most: number): Promise<History> {
    const own = filters.filter((filter) => !isReserved(filter));
    const named = own.filter((filter) => !filter.split('/').some(isWildcard));
    const wild = own.filter((filter) => filter.split('/').some(isWildcard));
    const { position, topics } = await this.#commands.changed(since.offset, lanesOf(wild));
    if (position.epoch !== since.epoch || position.offset < since.offset) return incomplete;
    const selected = topics.filter((topic) => wild.some((filter) => matches(filter, topic)));
    return await this.#readTopics(since, position, most, [...new Set([...named, ...selected])]);
  }

  /** What was published since a place on topics that are wanted, and up to where; undefined when that is not known. */
  async missed(
    filters: readonly string[],
    wants: (topic: string) => boolean,
    since: Position,
    most: number,
  ): Promise<{ missed: readonly BrokerMessage[] | undefined; position: Position }> {
    const { position, topics } = await this.#commands.changed(since.offset, lanesOf(filters));
    if (position.epoch !== since.epoch || position.offset < since.offset) return { missed: undefined, position };
    const { messages, complete } = await this.#readTopics(since, position, most, topics.filter(wants));
    return { missed: complete ? messages : undefined, position };
  }

  async #readTopics(since: Position, upTo: Position, most: number, topics: readonly string[]): Promise<History> {
    const found: BrokerMessage[] = [];
    // Asked even for no topics at all: others may have been forgotten.
    for (let first = 0; first === 0 || first < topics.length; first += topicsPerRead) {
      const some = topics.slice(first, first + topicsPerRead);
      const { position, messages } = await this.#commands.read(since.offset, upTo.offset, most - found.length, some);
      if (messages === undefined || position.epoch !== since.epoch) return incomplete;
      for (const message of messages) found.push(message);
    }
    return { messages: found.sort((one, other) => one.offset - other.offset), complete: true };
  }
}

/** Lanes of filters, an empty one for all; without filters none, so that nothing is asked for. */
function lanesOf(filters: readonly string[]): string[] {
  const interests = filters.map(interestOf);
  if (interests.some(({ kind }) => kind === 'lanes')) return [''];
  return [...new Set(interests.map((interest) => (interest.kind === 'lane' ? interest.lane : '')))];
}
