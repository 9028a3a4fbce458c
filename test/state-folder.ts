/** The tests' list of known probes: a folder of each run, never the user's own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'earl-test-state-'));
  // Workers and the programs that tests start inherit it.
  process.env.EARL_STATE = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
