/** Acknowledgements to one publisher, in the order of its messages [MQTT-4.6.0-2], each when the broker has accepted. */

import { Queue } from '../broker/queue.ts';

interface Owed {
  readonly packet: Buffer;
  isAccepted: boolean;
}

export class MqttAcks {
  readonly #send: (packet: Buffer) => void;
  readonly #onRefused: () => void;
  readonly #owed = new Queue<Owed>();
  #closed = false;

  /** @param onRefused called when the broker did not accept: MQTT 3.1.1 can only end the connection */
  constructor(send: (packet: Buffer) => void, onRefused: () => void) {
    this.#send = send;
    this.#onRefused = onRefused;
  }

  /** @param accepting as `Broker.publish` returns it */
  push(packet: Buffer, accepting: Promise<void> | undefined): void {
    if (accepting === undefined && this.#owed.length === 0) {
      this.#send(packet);
      return;
    }
    const owed: Owed = { packet, isAccepted: accepting === undefined };
    this.#owed.push(owed);
    accepting?.then(
      () => {
        owed.isAccepted = true;
        this.#flush();
      },
      () => {
        if (!this.#closed) this.#onRefused();
      },
    );
  }

  close(): void {
    this.#closed = true;
  }

  #flush(): void {
    while (!this.#closed && this.#owed.at(0)?.isAccepted) this.#send(this.#owed.shift()!.packet);
  }
}
