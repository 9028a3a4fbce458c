/**
 * How long sockets may be left alone because everybody who hears something allowed it: clients that let the server hold
 * live messages back (`maxDelayMs`) let it read them late as well.
 *
 * A process that wakes up for each message of each gateway spends more on that than on the messages. So half of the
 * delay, up to 25 ms, is spent before reading, and the rest after: never more than was allowed in all. What the addon
 * makes of it stands in native-sockets.ts: anything else than samples that are held back ends the waiting.
 */

const mostReadMs = 25;

export class Patience {
  /** Whether sockets are read late; the others give the whole delay to holding. */
  isUsed = false;
  /** Subscriptions by their delay. */
  readonly #delays = new Map<number, number>();
  #leastMs = 0;
  #holds = false;

  enter(delayMs: number): void {
    this.#delays.set(delayMs, (this.#delays.get(delayMs) ?? 0) + 1);
    this.#leastMs = Math.min(...this.#delays.keys());
  }

  leave(delayMs: number): void {
    const left = (this.#delays.get(delayMs) ?? 0) - 1;
    if (left > 0) this.#delays.set(delayMs, left);
    else this.#delays.delete(delayMs);
    this.#leastMs = this.#delays.size === 0 ? 0 : Math.min(...this.#delays.keys());
  }

  /** How long messages are held that may come so late. */
  holdMs(delayMs: number): number {
    return this.isUsed ? delayMs - readMs(delayMs) : delayMs;
  }

  /** A message is held back. */
  note(): void {
    this.#holds = true;
  }

  /** How long the sockets need not be read: 0 unless a message was held back since the last time. */
  take(): number {
    const holds = this.#holds;
    this.#holds = false;
    return holds ? readMs(this.#leastMs) : 0;
  }
}

function readMs(delayMs: number): number {
  return Math.min(mostReadMs, Math.floor(delayMs / 2));
}
