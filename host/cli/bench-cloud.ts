/**
 * `earl bench cloud`: what the cloud costs, beside other servers under the same load (tools/bench/cloud/bench.ts).
 *
 * The benchmark is no part of the published package: it needs the repository, the development tools and its peers.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { EarlError } from '../../errors/index.ts';
import { exitCodes } from './exit-codes.ts';
import { packageRoot } from './package-root.ts';

const program = 'tools/bench/cloud/bench.ts';

type Flags = Readonly<Record<string, string | true>>;

export function benchCloudCommand(): Command {
  return (
    new Command('cloud')
      .description(
        'CPU time per delivered message, memory and rates of the cloud, beside other servers in the same run',
      )
      .option('--publishers <number>', 'publishing connections; default: what the machine carries, at most 5000')
      .option('--connections <number>', 'connections for memory and connecting; default: at most 10000')
      .option('--probes <number>', 'probes that the dashboard watches (default: 1000)')
      .option('--seconds <number>', 'length of each measurement (default: 5)')
      .option('--rounds <number>', 'times that all is measured, of which the medians count (default: 1)')
      .option('--peers <names>', 'of uws, earl-ws, ws, net, socket.io, nats, with commas; or none (default: all)')
      .option('--workloads <names>', 'with commas; a wrong one lists them (default: all)')
      .option('--profile <folder>', 'write CPU profiles of the cloud there, one a measurement')
      .option('--json', 'write parameters, runs and figures as JSON lines, the figures last')
      .addHelpText(
        'after',
        `
Examples:
  $ earl bench cloud --json                               everything: some ten minutes
  $ earl bench cloud --workloads one_to_one --rounds 3
  $ earl bench cloud --peers none --publishers 100

Installs missing peers (about 100 MB) in tools/bench/cloud/peers first. docs/cloud-performance.md explains the figures.`,
      )
      // A wrong option exits like those of all commands do: main.ts decides.
      .exitOverride()
      .action(run)
  );
}

async function run(flags: Flags): Promise<void> {
  if (!existsSync(join(packageRoot(), program))) {
    throw new EarlError('USAGE', 'earl bench cloud needs a checkout of the repository, where tools/bench/cloud is');
  }
  const options = Object.entries(flags).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, value],
  );
  const child = spawn(process.execPath, ['tools/run.mjs', program, ...options], {
    cwd: packageRoot(),
    stdio: 'inherit',
  });
  // Ctrl-C reaches the benchmark as well; its end is awaited, so that no server is left behind.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...ended) => resolve(ended));
  });
  process.off('SIGINT', ignore);
  process.exitCode = signal === null ? (code ?? exitCodes.failure) : exitCodes.interrupted;
}
