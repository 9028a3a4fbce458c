/** `earl emulate --vcd FILE`: wave forms of the board, written slice by slice. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { type Board, VcdRecorder } from '../emulator/index.ts';

export interface VcdFile {
  /** Hands over what has come together. */
  flush(): void;
  close(): void;
}

/** Text that waits beyond this is written at once. */
const BUFFER_LIMIT = 1 << 20;

/** Opens the file and begins; call it before the program is loaded. Throws `USAGE` when it cannot be written. */
export function openVcd(path: string, board: Board, comment: string): VcdFile {
  const file = openFile(path);
  let text = '';
  const flush = () => {
    if (text !== '') writeAll(file, text, path);
    text = '';
  };
  const recorder = new VcdRecorder(
    board,
    (part) => {
      text += part;
      if (text.length > BUFFER_LIMIT) flush();
    },
    comment,
  );
  return {
    flush,
    close: () => {
      recorder.stop();
      flush();
      closeSync(file);
    },
  };
}

function openFile(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new EarlError('USAGE', `cannot write ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

function writeAll(file: number, text: string, path: string): void {
  const bytes = Buffer.from(text, 'latin1');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } catch (error) {
    throw new EarlError('OUTPUT_FAILED', `cannot write ${path}: ${errorMessage(error)}`, { cause: error });
  }
}
