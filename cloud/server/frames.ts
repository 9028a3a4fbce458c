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

  /** `message` of `earl.v1.json`: the payload as it is when it is JSON, else in base64. */
  json(message: BrokerMessage): Buffer {
    return cached(this.#json, message, ({ topic, payload, offset, retained, data }) => {
      const head = `{"op":"message","topic":${JSON.stringify(topic)},"offset":${offset}${retained ? ',"retained":true' : ''}`;
      if (data === undefined) return Buffer.from(`${head},"encoding":"base64","data":"${payload.toString('base64')}"}`);
      return Buffer.concat([Buffer.from(`${head},"data":`), payload.length === 0 ? nullText : payload, endOfObject]);
    });
  }

  /** What the thesis' subscribers get; a payload that is no JSON as a string of base64. */
  echo(message: BrokerMessage): Buffer {
    return cached(this.#echo, message, ({ topic, payload, data }) =>
      Buffer.from(JSON.stringify({ channel: topic, message: data === undefined ? payload.toString('base64') : data })),
    );
  }
}

const nullText = Buffer.from('null');
const endOfObject = Buffer.from('}');

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
