/**
 * `earl emulate --replay FILE`: the recorded board again, as fast as it goes, and whether it does the same.
 *
 * `--vcd`, `--profile`, `--trace` and `--json` look into a recording that was made without them.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { EarlError } from '../../errors/index.ts';
import { Board, Recorder, recordedImage, replay, type TraceKind } from '../emulator/index.ts';
import { buildInfoSegment, parseId } from '../link/index.ts';
import { EmulateOutput } from './emulate-output.ts';
import { startProfile } from './emulate-profile.ts';
import { Comparison, readRecording } from './emulate-record.ts';
import { openVcd } from './emulate-vcd.ts';
import { makeWorld } from './emulate-world.ts';

export interface ReplayFlags {
  readonly replay: string;
  readonly kinds: readonly TraceKind[];
  readonly json: boolean;
  readonly vcd: string | undefined;
  /** A file, or true for stderr alone. */
  readonly profile: string | true | undefined;
  readonly signal: AbortSignal;
}

/** Rejects with `REPLAY_DIFFERS` when the board does something else than it was recorded to do. */
export async function runReplay(flags: ReplayFlags): Promise<void> {
  const recording = readRecording(flags.replay);
  const { header } = recording;
  const { id, seed, baud, alive } = header.options;
  const image = recordedImage(header);
  const board = new Board({ info: id === null ? {} : { D: buildInfoSegment(parseId(id)) }, seed, baud, alive });
  board.onWarning = (message) => console.error(`warning: ${message}`);
  const output = new EmulateOutput(process.stdout, flags.json);
  if (flags.kinds.length > 0) board.tracer.add((event) => output.event(event), flags.kinds);
  const file = flags.profile === true ? undefined : flags.profile;
  const profile = flags.profile && startProfile(board, header.image.name, image, file);
  const dump = flags.vcd === undefined ? undefined : openVcd(flags.vcd, board, `replay of ${header.image.name}`);
  const comparison = new Comparison(recording);
  const recorder = new Recorder(board, header, (line) => comparison.add(line));
  board.load(image);
  if (header.world !== null) makeWorld(header.world, flags.replay).apply(board);
  for (const _ of replay(recording, board, recorder)) {
    dump?.flush();
    output.flush(board.seconds);
    await output.drained();
    await nextTurn();
    if (flags.signal.aborted || output.broken) return;
  }
  recorder.finish();
  dump?.close();
  const result = profile ? profile.finish() : undefined;
  if (flags.json && result) output.object(result);
  output.end();
  const verdict = comparison.finish();
  if (comparison.difference !== undefined) throw new EarlError('REPLAY_DIFFERS', verdict);
  console.error(`${verdict}; ${board.seconds.toFixed(3)} s, ${recording.inputs.length} inputs`);
}
