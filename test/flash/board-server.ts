/** An emulated board in this process, paced, with its serial adapter on a TCP port: what `earl emulate --rfc2217` is. */
import { openRfc2217 } from '../../host/cli/emulate-rfc2217.ts';
import { Board, type Image, Pacer } from '../../host/emulator/index.ts';
import { nodeTimers } from '../../host/transport/node-timers.ts';

export interface BoardServer {
  readonly board: Board;
  /** `rfc2217://127.0.0.1:PORT`. */
  readonly url: string;
  /** The cable is pulled. */
  close(): Promise<void>;
}

/** @param speed board seconds per second: the protocol has no clock of its own but time limits */
export async function serveBoard(image: Image, speed = 4): Promise<BoardServer> {
  const board = new Board({ image });
  const line = await openRfc2217(0, board);
  const pacer = new Pacer(board, nodeTimers, { speed });
  pacer.start();
  return {
    board,
    url: line.description,
    close: async () => {
      pacer.stop();
      await line.close();
    },
  };
}
