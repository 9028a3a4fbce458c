/** What is wrong with a CONNECT whoever sends it; tokens and rights are the session's business. */

import type { IConnectPacket } from 'mqtt-packet';
import { topicProblemOf } from './mqtt-publisher.ts';
import { connackCodes } from './mqtt-reader.ts';

/** Undefined when nothing is. */
export function connectProblem(packet: IConnectPacket): { returnCode: number; problem: string } | undefined {
  const { protocolVersion, clientId, clean, will } = packet;
  if (protocolVersion === 5 || 'bridgeMode' in packet) {
    return { returnCode: connackCodes.badVersion, problem: 'MQTT 3.1.1 is spoken here' };
  }
  if (clientId === '' && !clean) {
    const problem = 'a session that is kept needs a client identifier';
    return { returnCode: connackCodes.badIdentifier, problem };
  }
  const problem = will && topicProblemOf(will.topic);
  return problem === undefined
    ? undefined
    : { returnCode: connackCodes.notAuthorized, problem: `the will: ${problem}` };
}
