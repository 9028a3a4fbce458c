/**
 * Messages as the bytes that clients get, built once for all subscribers of a message.
 *
 * Caching the UTF-8 bytes instead of the string spares one encoding per recipient. Writing one ready WebSocket frame to
 * all sockets (`Sender.frame`) would spare the header too; that is left for when it is measured to matter.
 */

import type { BrokerMessage } from '../broker/index.ts';
import type { ServerMessage } from '../protocol/index.ts';

export class FrameCache {
  readonly #json = new WeakMap<BrokerMessage, Buffer>();
  readonly #echo = new WeakMap<BrokerMessage, Buffer>();

  /** `message` of `earl.v1.json`. */
  json(message: BrokerMessage): Buffer {
    return cached(this.#json, message, ({ topic, data, retained }) =>
      frameOf({ op: 'message', topic, data, ...(retained ? { retained } : {}) }),
    );
  }

  /** What the thesis' subscribers get. */
  echo(message: BrokerMessage): Buffer {
    return cached(this.#echo, message, ({ topic, data }) =>
      Buffer.from(JSON.stringify({ channel: topic, message: data })),
    );
  }
}

export function frameOf(message: ServerMessage): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function cached(
  frames: WeakMap<BrokerMessage, Buffer>,
  message: BrokerMessage,
  build: (message: BrokerMessage) => Buffer,
): Buffer {
  let frame = frames.get(message);
  if (frame === undefined) {
    frame = build(message);
    frames.set(message, frame);
  }
  return frame;
}
