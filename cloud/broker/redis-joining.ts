/**
 * Subscriptions whose place in the stream has not come yet. Each has a marker, which Redis publishes in the same step in
 * which it answers: the subscription begins where the marker comes in the stream of messages, with what was answered.
 */

interface Waiting<Begun> {
  /** Undefined until Redis has answered. */
  activate: (() => Begun) | undefined;
  readonly resolve: (begun: Begun) => void;
  readonly reject: (error: unknown) => void;
}

export class Joining<Begun> {
  readonly #onAnswered: () => void;
  readonly #waiting = new Map<string, Waiting<Begun>>();
  #markers = 0;

  /** @param onAnswered called when a marker that `take` would not take may be taken now */
  constructor(onAnswered: () => void) {
    this.#onAnswered = onAnswered;
  }

  /**
   * Resolves when the marker has come and the subscription was activated in its place.
   *
   * @param ask asks Redis, which publishes the marker; resolves to what begins the subscription
   */
  begin(ask: (marker: string) => Promise<() => Begun>): Promise<Begun> {
    const marker = String(++this.#markers);
    return new Promise((resolve, reject) => {
      const waiting: Waiting<Begun> = { activate: undefined, resolve, reject };
      this.#waiting.set(marker, waiting);
      ask(marker).then(
        (activate) => {
          waiting.activate = activate;
          this.#onAnswered();
        },
        (error: unknown) => {
          this.#waiting.delete(marker);
          reject(error);
          this.#onAnswered();
        },
      );
    });
  }

  /** False when the answer, which comes on another connection, is not here yet: nothing after the marker may be taken. */
  take(marker: string): boolean {
    const waiting = this.#waiting.get(marker);
    if (waiting === undefined) return true;
    if (waiting.activate === undefined) return false;
    this.#waiting.delete(marker);
    waiting.resolve(waiting.activate());
    return true;
  }

  fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
