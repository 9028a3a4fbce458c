/**
 * Keeps the numbered publishes of one connection in their order when one of them is refused for now (`error` 202).
 *
 * A publisher has sent more by the time it hears of a refusal. Were these taken, the refused one would come too late:
 * its number is below the last accepted one, so it would count as a repetition, and be lost. So everything above a
 * refused number is refused too, until that number, or one below it, comes again (docs/protocol.md, "publish").
 */

export class PublishOrder {
  /** The lowest number that was refused and has not come again. */
  #refused: number | undefined;
  #accepted = 0;

  /** Asked before each publish: the number that must come before this one, or undefined when it may go on. */
  missing(seq: number): number | undefined {
    if (this.#refused === undefined || seq > this.#refused) return this.#refused;
    this.#refused = undefined;
    return undefined;
  }

  /** Hears what becomes of a publish that the broker was given. */
  follow(seq: number, accepting: Promise<void> | undefined): void {
    if (accepting === undefined) {
      this.accept(seq);
      return;
    }
    accepting.then(
      () => this.accept(seq),
      () => this.refuse(seq),
    );
  }

  /** The broker has taken this one. */
  accept(seq: number): void {
    if (seq > this.#accepted) this.#accepted = seq;
  }

  /**
   * The broker does not take this one now. False when it has taken it before: then it was sent twice, and holds nothing up,
   * since it will not come again.
   */
  refuse(seq: number): boolean {
    if (seq <= this.#accepted) return false;
    if (this.#refused === undefined || seq < this.#refused) this.#refused = seq;
    return true;
  }

  /** Whether this number was refused, or is above one that was. */
  isHeldUp(seq: number): boolean {
    return this.#refused !== undefined && seq >= this.#refused;
  }
}

/** What the publisher is told of a number above a refused one. */
export function outOfOrder(missing: number): string {
  return `the publish with seq ${missing} was refused before: send it and all that follow again, in order`;
}
