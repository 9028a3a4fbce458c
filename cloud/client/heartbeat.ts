/**
 * Notices a connection that hangs, and a computer that slept.
 *
 * Only answers prove that both directions work: messages may still arrive while nothing that is sent does. After a time
 * without an answer it asks (a ping), and gives the connection up when none comes in time; while messages still arrive it
 * is patient, since the answer stands in line behind them. A tick that comes late means that this program did not run:
 * then what it knows is old, and it asks anew.
 */

export interface HeartbeatOptions {
  /** Time without an answer after which to ask; also the time that a connection has to be welcomed. */
  readonly keepaliveMs: number;
  /** Time for the answer. */
  readonly pongMs: number;
  /** Send something that the server answers. */
  readonly ask: () => void;
  /** The connection is dead. */
  readonly onDead: (reason: string) => void;
  /** The program did not run for a while, such as in the sleep of a laptop. */
  readonly onWake: () => void;
}

/** How many times `pongMs` an answer may take while messages arrive. */
const patience = 6;
/** A tick this much late is a sleep. */
const sleepMs = 5_000;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #tickMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isWelcomed = false;
  #isAnswered = false;
  #hasHeard = false;
  #lastTickAt = 0;
  #quietSince = 0;
  #heardAt = 0;
  #askedAt: number | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#tickMs = Math.max(1, Math.min(options.keepaliveMs, options.pongMs) / 4);
  }

  /** A connection is being made. */
  start(): void {
    this.stop();
    this.#isWelcomed = false;
    this.#lastTickAt = this.#quietSince = Date.now();
    this.#askedAt = undefined;
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The server has welcomed this client. */
  welcomed(): void {
    this.#isWelcomed = true;
    this.#isAnswered = true;
  }

  /** The connection has ended: until the next one begins, only sleep is noticed. */
  rest(): void {
    this.#isWelcomed = false;
    this.#askedAt = undefined;
    this.#quietSince = Number.POSITIVE_INFINITY;
  }

  /** Something came. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** Something came that the server says in answer only. */
  answered(): void {
    this.#isAnswered = true;
  }

  /** Wall clock throughout: a monotonic one may stand still while the computer sleeps. */
  #tick(): void {
    const now = Date.now();
    const lateMs = now - this.#lastTickAt - this.#tickMs;
    this.#lastTickAt = now;
    if (this.#hasHeard) this.#heardAt = now;
    if (this.#isAnswered && this.#isWelcomed) {
      this.#quietSince = now;
      this.#askedAt = undefined;
    }
    this.#hasHeard = this.#isAnswered = false;
    // A clock that was set counts as well, which costs one ping.
    if (lateMs >= sleepMs || lateMs < -sleepMs) this.#wake(now);
    else this.#judge(now);
  }

  #wake(now: number): void {
    if (this.#isWelcomed) this.#ask(now);
    this.#options.onWake();
  }

  #judge(now: number): void {
    const { keepaliveMs, pongMs } = this.#options;
    if (this.#askedAt !== undefined) {
      const waitedMs = now - this.#askedAt;
      const isSilent = this.#heardAt < this.#askedAt || now - this.#heardAt >= pongMs;
      if (waitedMs >= (isSilent ? pongMs : patience * pongMs)) this.#options.onDead('the server does not answer');
    } else if (now - this.#quietSince >= keepaliveMs) {
      if (this.#isWelcomed) this.#ask(now);
      else this.#options.onDead('the server does not answer');
    }
  }

  #ask(now: number): void {
    this.#askedAt = now;
    this.#options.ask();
  }
}
