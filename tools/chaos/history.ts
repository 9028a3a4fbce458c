/** The reader of the whole history: asks, when a run is over, for everything that was published since it began. */

import { WebSocket } from 'ws';
import type { Position } from '../../cloud/protocol/index.ts';
import { EarlError } from '../../errors/index.ts';
import { type ObserverOptions, Sightings } from './observers.ts';

/** Topics in one request: a resumption brings at most 20,000 messages. */
const topicsPerRequest = 8;
const timeoutMs = 20_000;
/** Connections in a row that bring nothing, before the reader gives up. */
const mostFruitless = 30;

interface Found {
  readonly topic: string;
  readonly data: unknown;
  readonly offset: number;
}

/** What one connection brought; `end` says why there was no answer. */
interface Part {
  readonly found: readonly Found[];
  readonly recovered?: boolean;
  readonly end: string;
}

/**
 * Reads topic by topic, on connections of its own, as observer `name`. Throws `CHAOS_HISTORY` when the cloud does not
 * answer; that it no longer has it is `told`.
 */
export async function readHistory(
  name: string,
  topics: ReadonlySet<string>,
  since: Position,
  options: ObserverOptions,
): Promise<void> {
  const sightings = new Sightings(name, options);
  sightings.begin();
  const all = [...topics];
  for (let first = 0; first < all.length; first += topicsPerRequest) {
    await readTopics(all.slice(first, first + topicsPerRequest), since, options.url, sightings);
  }
}

/** A client for whom more than 1 MiB waits is closed: it comes again and goes on where it was, as any client would. */
async function readTopics(filters: string[], since: Position, url: string, sightings: Sightings): Promise<void> {
  let place = since;
  for (let fruitless = 0; fruitless < mostFruitless; ) {
    const { found, recovered, end } = await readPart(filters, place, url);
    for (const { topic, data, offset } of found) sightings.see(topic, data, offset);
    if (recovered === true) return;
    if (recovered === false) {
      sightings.told(`${filters.join(' ')}: ${end}`);
      return;
    }
    fruitless = found.length > 0 ? 0 : fruitless + 1;
    place = { epoch: place.epoch, offset: found.at(-1)?.offset ?? place.offset };
    sightings.note(`${found.length} messages, then ${end}`);
    await new Promise((resolve) => setTimeout(resolve, found.length > 0 ? 0 : 500));
  }
  throw new EarlError('CHAOS_HISTORY', 'the history could not be read: see the trace');
}

async function readPart(filters: string[], since: Position, url: string): Promise<Part> {
  const socket = new WebSocket(url, 'earl.v1.json', { perMessageDeflate: false });
  socket.on('error', () => {});
  const found: Found[] = [];
  const answered = new Promise<Part>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString());
      if (message.op === 'welcome') socket.send(JSON.stringify({ op: 'subscribe', id: 1, filters, since }));
      else if (message.op === 'message') {
        if (message.retained !== true) found.push(message);
      } else if (message.op === 'ok') resolve({ found, recovered: message.recovered, end: data.toString() });
      else resolve({ found, end: data.toString() });
    });
  });
  socket.on('open', () => socket.send('{"op":"hello"}'));
  // Refused by a balancer whose servers are just coming back, it ends as well.
  const ended = new Promise<Part>((resolve) => {
    socket.on('close', (code) => resolve({ found, end: `the connection ended with ${code}` }));
  });
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<Part>((resolve) => {
    deadline = setTimeout(() => resolve({ found, end: 'no answer' }), timeoutMs);
  });
  const part = await Promise.race([answered, ended, late]);
  clearTimeout(deadline);
  socket.terminate();
  return part;
}
