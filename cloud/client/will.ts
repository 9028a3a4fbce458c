/**
 * The client's will: told to the server once, and again after every reconnect before anything else is.
 *
 * A change goes as a change, in parts that the server takes, so that a gateway of 256 probes does not say all of it
 * for each of them.
 */

import { EarlError } from '../../errors/index.ts';
import { type ClientMessage, limits, type WillMessage } from '../protocol/index.ts';

type Say = (build: (id: number) => Extract<ClientMessage, { op: 'will' }>) => Promise<unknown>;

/** One promise for all that wait for the same acknowledgement. */
interface Waiting {
  readonly acknowledged: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: EarlError) => void;
}

/** Bytes around the messages of a part. */
const frameBytes = 128;

export class WillKeeper {
  readonly #say: Say;
  readonly #isPassing: (error: EarlError) => boolean;
  readonly #onError: (error: unknown) => void;
  /** JSON of each message, by topic; undefined until there was a will. */
  #will: ReadonlyMap<string, string> | undefined;
  /** What the server has of it on this connection. */
  #told: ReadonlyMap<string, string> | undefined;
  #waiting: Waiting | undefined;

  /**
   * @param isPassing whether a request failed for now only: it is made again at the next connection
   * @param onError hears what nobody waits for
   */
  constructor(say: Say, isPassing: (error: EarlError) => boolean, onError: (error: unknown) => void) {
    this.#say = say;
    this.#isPassing = isPassing;
    this.#onError = onError;
  }

  /** Resolves when the server has it. Throws `CLOUD_TOO_LARGE`. */
  set(messages: readonly WillMessage[], mostBytes: number, connected: boolean): Promise<void> {
    if (messages.length > limits.willMessages) throw tooLarge(`has more than ${limits.willMessages} messages`);
    const will = new Map(messages.map((message) => [message.topic, JSON.stringify(message)]));
    for (const text of will.values()) {
      if (byteLength(text) + frameBytes > mostBytes) throw tooLarge(`has a message of more than ${mostBytes} bytes`);
    }
    this.#will = will;
    this.#waiting ??= waiting();
    const { acknowledged } = this.#waiting;
    if (connected) this.#tell(mostBytes);
    return acknowledged;
  }

  /** A connection has begun. */
  renew(mostBytes: number): void {
    this.#told = undefined;
    if (this.#will !== undefined) this.#tell(mostBytes);
  }

  rejectAll(error: EarlError): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  #tell(mostBytes: number): void {
    const told = this.#told;
    const will = this.#will!;
    const isChange = told !== undefined && [...told.keys()].every((topic) => will.has(topic));
    const texts = [...will].filter(([topic, text]) => !isChange || told.get(topic) !== text).map(([, text]) => text);
    const parts = isChange && texts.length === 0 ? [] : partsOf(texts, mostBytes - frameBytes);
    this.#told = will;
    const heard = this.#waiting;
    this.#waiting = undefined;
    const saying = parts.map((part, index) => {
      const messages = part.map((text) => JSON.parse(text) as WillMessage);
      return this.#say((id) => ({ op: 'will', id, messages, ...(isChange || index > 0 ? { add: true } : {}) }));
    });
    Promise.all(saying).then(
      () => heard?.resolve(),
      (error: EarlError) => {
        this.#told = undefined;
        if (this.#isPassing(error)) this.#wait(heard);
        else if (heard === undefined) this.#onError(error);
        else heard.reject(error);
      },
    );
  }

  /** Those that wait do so until the next connection. */
  #wait(heard: Waiting | undefined): void {
    if (this.#waiting === undefined) this.#waiting = heard;
    else if (heard !== undefined) this.#waiting.acknowledged.then(heard.resolve, heard.reject);
  }
}

function waiting(): Waiting {
  let resolve: Waiting['resolve'] = () => {};
  let reject: Waiting['reject'] = () => {};
  const acknowledged = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  return { acknowledged, resolve, reject };
}

/** At least one part, of at most so many bytes unless a text is longer alone. */
function partsOf(texts: readonly string[], mostBytes: number): string[][] {
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const text of texts) {
    const length = byteLength(text) + 1;
    if (bytes + length > mostBytes && bytes > 0) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(text);
    bytes += length;
  }
  return parts;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function tooLarge(what: string): EarlError {
  return new EarlError('CLOUD_TOO_LARGE', `the will ${what}`);
}
