/**
 * What a gateway would publish for a probe, made in the page: link messages in, the topics that Fleet takes out.
 *
 * The words (kinds, capabilities, reset causes, events) are those of host/link's tables, as on the gateway's road.
 */

import {
  capabilities,
  events,
  formatId,
  isSample,
  type LinkStatistics,
  type MessageOf,
  type ProbeMessage,
  probeKinds,
  resetCauses,
  senmlPack,
} from '../../../host/link/index.ts';
import { channels, type Json, type ProbeStatus } from '../../protocol/index.ts';

/** The place of probes that this page met itself. */
export const SITE = 'bluetooth';

export interface TopicMessage {
  readonly channel: string;
  readonly data: Json;
}

/** The birth of a probe. @param name the device's, for a probe without an id */
export function statusOf(hello: MessageOf<'hello'>, bridge: string, nowMs: number): ProbeStatus {
  return {
    online: true,
    kind: nameOf(probeKinds, hello.kind) ?? `kind-${hello.kind}`,
    id: formatId(hello.id),
    firmware: `${hello.versionMajor}.${hello.versionMinor}.${hello.versionPatch}`,
    capabilities: Object.entries(capabilities)
      .filter(([, bit]) => (hello.capabilities & bit) !== 0)
      .map(([name]) => name),
    intervalMs: hello.intervalMs,
    resetCause: nameOf(resetCauses, hello.resetCause) ?? 'unknown',
    boots: hello.boots,
    transport: `Bluetooth, ${bridge}`,
    time: new Date(nowMs).toISOString(),
  };
}

/** What a message of the probe is on its topics. @param wallMs when it was, milliseconds since 1970 */
export function topicMessage(
  message: ProbeMessage,
  id: string,
  wallMs: number,
  statistics: () => LinkStatistics,
): TopicMessage {
  const time = wallMs / 1000;
  if (isSample(message)) return { channel: channels.samples, data: senmlPack(message, id, time) as unknown as Json };
  switch (message.name) {
    case 'event':
      return {
        channel: channels.events,
        data: { event: nameOf(events, message.event) ?? `event-${message.event}`, value: message.value, time },
      };
    case 'led_state':
      return { channel: channels.leds, data: { registers: [...message.registers], time } };
    case 'counters': {
      const { name: _, timeMs, resetCause: cause, ...counts } = message;
      const { received, lost } = statistics().packets;
      const resetCause = nameOf(resetCauses, cause) ?? 'unknown';
      return { channel: channels.counters, data: { upMs: timeMs, resetCause, ...counts, link: { received, lost } } };
    }
  }
}

/** The name that a table gives a number. */
function nameOf(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.keys(table).find((name) => table[name] === value);
}
