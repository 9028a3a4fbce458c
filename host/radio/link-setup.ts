/**
 * From CONNECT_IND to the first anchor point. Core Spec Vol 6 Part B 4.5.3 and 4.5.4.
 *
 * The central is free to place the first anchor point anywhere in a transmit window of its choice, and chooses one that
 * keeps its connections apart: as far behind the last one as an event is long, or, when the interval is full, in the
 * middle of the widest gap.
 */
import type { DeviceAddress } from './address.ts';
import type { VirtualController } from './controller.ts';
import { Link } from './link.ts';
import { type ConnectionParameters, LinkEnd, ROLE } from './link-end.ts';
import type { Medium } from './medium.ts';
import type { Schedule } from './schedule.ts';
import type { Transceiver } from './transceiver.ts';

/** transmitWindowDelay of a legacy CONNECT_IND. */
const WINDOW_DELAY_US = 1250;
/** What a connection event is given when the host does not say: room for one exchange of long packets. */
const DEFAULT_EVENT_US = 2500;

interface Setup {
  readonly central: VirtualController;
  readonly initiator: { readonly address: DeviceAddress };
  readonly peripheral: VirtualController;
  /** Whether the advertiser got the CONNECT_IND; the central cannot know. */
  readonly wasHeard: boolean;
}

export function createLink(schedule: Schedule, medium: Medium, setup: Setup): void {
  const { central, peripheral, wasHeard } = setup;
  const { parameters, eventLengthUs } = central.wantedConnection;
  const nowUs = schedule.nowUs;
  const centralEnd = new LinkEnd(ROLE.CENTRAL, central.radio, central.linkEvents, parameters, nowUs);
  const peripheralEnd = new LinkEnd(ROLE.PERIPHERAL, peripheral.radio, peripheral.linkEvents, parameters, nowUs);
  if (!wasHeard) peripheralEnd.closed = true;
  const earliestUs = nowUs + WINDOW_DELAY_US;
  const firstUs = earliestUs + freeOffsetUs(central.radio, earliestUs, parameters, eventLengthUs || DEFAULT_EVENT_US);
  const link = new Link(schedule, medium, centralEnd, peripheralEnd, firstUs);
  central.addConnection(centralEnd, link, peripheral.advertiser.address);
  if (wasHeard) peripheral.addConnection(peripheralEnd, link, setup.initiator.address);
}

/** How long after `earliestUs` the first anchor point comes, less than an interval. */
export function freeOffsetUs(
  radio: Transceiver,
  earliestUs: number,
  parameters: ConnectionParameters,
  eventLengthUs: number,
): number {
  const intervalUs = parameters.interval * 1250;
  const taken = [...radio.reservations]
    .map(({ anchorUs }) => (((anchorUs - earliestUs) % intervalUs) + intervalUs) % intervalUs)
    .sort((a, b) => a - b);
  if (taken.length === 0) return 0;
  let widest = { fromUs: 0, lengthUs: -1 };
  for (const [index, fromUs] of taken.entries()) {
    const nextUs = taken[index + 1] ?? taken[0]! + intervalUs;
    const lengthUs = nextUs - fromUs;
    if (lengthUs >= 2 * eventLengthUs) return (fromUs + eventLengthUs) % intervalUs;
    if (lengthUs > widest.lengthUs) widest = { fromUs, lengthUs };
  }
  return Math.round(widest.fromUs + widest.lengthUs / 2) % intervalUs;
}
