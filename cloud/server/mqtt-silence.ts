/** Notices a client that says nothing for one and a half times its keep-alive: it is gone [MQTT-3.1.2-24]. */

export class MqttSilence {
  readonly #isRead: () => boolean;
  readonly #onGone: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param isRead whether the client could be heard: one that is not read may well speak */
  constructor(isRead: () => boolean, onGone: () => void) {
    this.#isRead = isRead;
    this.#onGone = onGone;
  }

  /** @param keepaliveSeconds 0: the client promises nothing */
  watch(keepaliveSeconds: number): void {
    if (keepaliveSeconds === 0) return;
    this.#timer = setTimeout(() => {
      if (this.#isRead()) this.#onGone();
      else this.heard();
    }, keepaliveSeconds * 1_500);
    this.#timer.unref();
  }

  heard(): void {
    this.#timer?.refresh();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
