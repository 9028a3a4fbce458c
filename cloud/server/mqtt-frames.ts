/** MQTT 3.1.1 control packets that the cloud sends, by the package `mqtt-packet`; those of QoS 0 built once for all. */

import { generate, writeToStream } from 'mqtt-packet';
import type { BrokerMessage } from '../broker/index.ts';
import { frame, opcodes } from './frames.ts';

// Else the first packet prepares a Buffer for every number up to 65,535.
writeToStream.cacheNumbers = false;

export class MqttFrames {
  readonly #packets = new WeakMap<BrokerMessage, Buffer>();
  readonly #frames = new WeakMap<BrokerMessage, Buffer>();

  /** PUBLISH with QoS 0. */
  packet(message: BrokerMessage): Buffer {
    let packet = this.#packets.get(message);
    if (packet === undefined) {
      packet = publishPacket(message);
      this.#packets.set(message, packet);
    }
    return packet;
  }

  /** The same as a WebSocket frame. */
  webSocketFrame(message: BrokerMessage): Buffer {
    let built = this.#frames.get(message);
    if (built === undefined) {
      built = frame(opcodes.binary, [publishPacket(message)]);
      this.#frames.set(message, built);
    }
    return built;
  }
}

/** PUBLISH, with QoS 1 when it has a packet identifier. */
export function publishPacket(message: BrokerMessage, messageId?: number, dup = false): Buffer {
  const { topic, payload, retained: retain } = message;
  if (messageId === undefined) return generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain });
  return generate({ cmd: 'publish', topic, payload, qos: 1, dup, retain, messageId });
}

export function connackPacket(returnCode: number, sessionPresent = false): Buffer {
  return generate({ cmd: 'connack', returnCode, sessionPresent });
}

export function ackPacket(cmd: 'puback' | 'pubrec' | 'pubcomp' | 'unsuback', messageId: number): Buffer {
  return generate({ cmd, messageId } as Parameters<typeof generate>[0]);
}

export function subackPacket(messageId: number, granted: number[]): Buffer {
  return generate({ cmd: 'suback', messageId, granted });
}

export const pingrespPacket: Buffer = generate({ cmd: 'pingresp' });
