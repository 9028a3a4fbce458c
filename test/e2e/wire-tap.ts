/** Reads what an emulated board sends from its UART's pin: the truth that deliveries are compared with. */

import type { TraceEvent } from '../../host/emulator/index.ts';
import { decodeMessage, FrameReceiver, isSample, type SampleMessage, senmlPack } from '../../host/link/index.ts';

export class WireTap {
  /** Every sample that left the probe, oldest first. */
  readonly sent: SampleMessage[] = [];
  private readonly receiver = new FrameReceiver((packet) => {
    const message = decodeMessage(packet);
    if (typeof message !== 'string' && isSample(message)) this.sent.push(message);
  });

  /** For `EmulatedOptions.trace`. */
  readonly trace = (event: TraceEvent): void => {
    if (event.kind === 'uart' && event.dir === 'tx') this.receiver.push(Uint8Array.of(event.byte));
  };

  /** The values of every sample, to be compared with `valuesOf` of what was delivered. */
  get values(): string[] {
    return this.sent.map((sample) => valuesOf(senmlPack(sample, '', 0)));
  }
}

/** Names and values of a SenML pack, without times. */
export function valuesOf(pack: readonly { n: string; v?: number }[]): string {
  return pack.map(({ n, v }) => `${n} ${v}`).join(', ');
}
