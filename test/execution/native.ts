/** Compiles the cloud's addon before the tests, when it is not there or older than its sources (tools/build-native.mjs). */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export function setup(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '../../tools/build-native.mjs')], { stdio: 'inherit' });
}
