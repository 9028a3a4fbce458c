/** A controller at the far end of a stream of bytes (a socket, a serial port), as an `HciPort`. */
import type { Duplex } from 'node:stream';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { H4Parser } from './h4.ts';
import type { HciPort } from './hci-port.ts';

/** A far end that has not taken that much is not there any more. */
const MAX_WAITING_OCTETS = 1 << 20;

/**
 * @param name for messages: `air:127.0.0.1:7433`
 * @param closeStream lets what was written leave first
 */
export function streamPort(name: string, stream: Duplex, closeStream: () => void): HciPort {
  let isOpen = true;
  const end = (error?: EarlError) => {
    if (!isOpen) return;
    isOpen = false;
    closeStream();
    port.onClose(error);
  };
  const port: HciPort = {
    onPacket: () => {},
    onClose: () => {},
    write: (packet) => {
      if (!isOpen) return;
      stream.write(packet);
      if (stream.writableLength > MAX_WAITING_OCTETS) end(gone(name, 'it takes nothing any more'));
    },
    close: () => end(),
  };
  const parser = new H4Parser((packet) => {
    if (isOpen) port.onPacket(packet);
  });
  stream.on('data', (bytes: Uint8Array) => parser.push(bytes));
  stream.on('error', (error) => end(gone(name, errorMessage(error))));
  stream.on('close', () => end(gone(name, 'it was closed at the other end')));
  return port;
}

function gone(name: string, why: string): EarlError {
  return new EarlError('TRANSPORT_LOST', `the Bluetooth adapter ${name} is gone: ${why}`);
}
