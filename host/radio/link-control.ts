/**
 * What a controller does with the control PDUs of its peers. Core Spec Vol 6 Part B 5.1.
 *
 * Termination and connection update are the link's own business (link.ts); here are the procedures that a host hears of.
 */
import { LE_FEATURES, VERSION } from './commands-information.ts';
import type { Connection, VirtualController } from './controller.ts';
import { ERROR, EVENT, LE_EVENT, littleEndian } from './hci.ts';
import type { ControlPdu, DataLength, LinkEnd, LinkLayerVersion } from './link-end.ts';

export function receiveControl(controller: VirtualController, end: LinkEnd, control: ControlPdu): void {
  const connection = controller.connections.get(end.handle);
  if (connection === undefined) return;
  switch (control.kind) {
    case 'LL_FEATURE_REQ':
    case 'LL_PERIPHERAL_FEATURE_REQ':
      end.sendControl({ kind: 'LL_FEATURE_RSP', features: Uint8Array.from(LE_FEATURES) });
      break;
    case 'LL_FEATURE_RSP':
      if (!connection.pending.delete('features')) break;
      controller.sendLeEvent(LE_EVENT.READ_REMOTE_FEATURES_COMPLETE, [
        ERROR.SUCCESS,
        ...littleEndian(end.handle, 2),
        ...control.features,
      ]);
      break;
    case 'LL_VERSION_IND':
      receiveVersion(controller, connection, control.version);
      break;
    case 'LL_LENGTH_REQ':
      agreeDataLength(controller, end, control.length);
      end.sendControl({ kind: 'LL_LENGTH_RSP', length: controller.dataLengthLimits });
      break;
    case 'LL_LENGTH_RSP':
      agreeDataLength(controller, end, control.length);
      break;
    case 'LL_TERMINATE_IND':
    case 'LL_CONNECTION_UPDATE_IND':
      break;
    default:
      control satisfies never;
  }
}

/** Who has not sent its own version yet answers with it; who asked is told. */
function receiveVersion(controller: VirtualController, { end, pending }: Connection, version: LinkLayerVersion): void {
  if (!pending.delete('version')) {
    end.sendControl({ kind: 'LL_VERSION_IND', version: VERSION });
    return;
  }
  controller.sendEvent(EVENT.READ_REMOTE_VERSION_INFORMATION_COMPLETE, [
    ERROR.SUCCESS,
    ...littleEndian(end.handle, 2),
    version.version,
    ...littleEndian(version.company, 2),
    ...littleEndian(version.subversion, 2),
  ]);
}

/** Each direction carries what its sender may and its receiver can. Vol 6 Part B 4.5.10. */
function agreeDataLength(controller: VirtualController, end: LinkEnd, peer: DataLength): void {
  const own = controller.dataLengthLimits;
  const before = end.dataLength;
  const agreed = {
    txOctets: Math.min(own.txOctets, peer.rxOctets),
    txTimeUs: Math.min(own.txTimeUs, peer.rxTimeUs),
    rxOctets: Math.min(own.rxOctets, peer.txOctets),
    rxTimeUs: Math.min(own.rxTimeUs, peer.txTimeUs),
  };
  end.dataLength = agreed;
  if (before.txOctets === agreed.txOctets && before.rxOctets === agreed.rxOctets) return;
  const values = [agreed.txOctets, agreed.txTimeUs, agreed.rxOctets, agreed.rxTimeUs];
  controller.sendLeEvent(LE_EVENT.DATA_LENGTH_CHANGE, [
    ...littleEndian(end.handle, 2),
    ...values.flatMap((value) => littleEndian(value, 2)),
  ]);
}

/** New parameters hold: both hosts are told. */
export function announceParameters(controller: VirtualController, end: LinkEnd): void {
  const connection = controller.connections.get(end.handle);
  if (connection === undefined) return;
  connection.pending.delete('update');
  const { interval, latency, timeout } = end.parameters;
  controller.sendLeEvent(LE_EVENT.CONNECTION_UPDATE_COMPLETE, [
    ERROR.SUCCESS,
    ...[end.handle, interval, latency, timeout].flatMap((value) => littleEndian(value, 2)),
  ]);
}
