/** The serial adapter of an emulated board, modem lines and boot loader included, on a TCP port (RFC 2217). */

import { errorMessage } from '../../errors/index.ts';
import { type Board, BslAdapter } from '../emulator/index.ts';
import { Rfc2217Server } from '../transport/rfc2217-server.ts';
import type { Line } from './emulate-line.ts';

/** Rejects with `PORT_IN_USE`. */
export async function openRfc2217(tcpPort: number, board: Board): Promise<Line> {
  const adapter = new BslAdapter(board);
  adapter.bsl.onEvent = (event) => {
    if (event === 'entered') console.error('the boot loader runs');
    else if (event === 'left') console.error('the boot loader was left');
    else if (event === 'wrong_password') console.error('warning: the boot loader was given a wrong password');
  };
  let full = false;
  const server = await Rfc2217Server.listen(tcpPort, {
    get baud() {
      return adapter.baud;
    },
    set baud(baud) {
      adapter.baud = baud;
    },
    get parity() {
      return adapter.parity;
    },
    set parity(parity) {
      if (parity === 'none' || parity === 'even') adapter.parity = parity;
    },
    write: (bytes) => {
      try {
        adapter.send(bytes);
      } catch (error) {
        if (!full) console.error(`warning: bytes for the board are dropped: ${errorMessage(error)}`);
        full = true;
      }
    },
    setLines: (lines) => adapter.setLines(lines),
    discard: () => adapter.discard(),
  });
  adapter.onByte = (byte) => server.write(Uint8Array.of(byte));
  return {
    description: `rfc2217://127.0.0.1:${server.tcpPort}`,
    get lost() {
      return server.lost;
    },
    write: (bytes) => server.write(bytes),
    close: () => server.close(),
  };
}
