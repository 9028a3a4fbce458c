/** `earl`: parses the command line and runs one command; one file a command beside this one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { errorMessage } from '../../errors/index.ts';
import { airCommand } from './air.ts';
import { balancerCommand } from './balancer.ts';
import { benchCommand } from './bench.ts';
import { cloudCommand } from './cloud.ts';
import { devicesCommand } from './devices.ts';
import { doctorCommand } from './doctor.ts';
import { emulateCommand } from './emulate.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { flashCommand } from './flash.ts';
import { fleetCommand } from './fleet.ts';
import { gatewayCommand } from './gateway.ts';
import { hilCommand } from './hil.ts';
import { monitorCommand } from './monitor.ts';
import { packageRoot } from './package-root.ts';
import { probesCommand } from './probes.ts';
import { tokenCommand } from './token.ts';
import { topCommand } from './top.ts';
import { upCommand } from './up.ts';
import { whoCommand } from './who.ts';

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };

const program = new Command('earl')
  .description('Technology probes: emulate, relay and watch small battery objects')
  .version(version)
  .showHelpAfterError('Run the command with --help for its options and examples.')
  .exitOverride();

const commands = [
  airCommand(),
  balancerCommand(),
  benchCommand(),
  cloudCommand(),
  devicesCommand(),
  doctorCommand(),
  emulateCommand(),
  flashCommand(),
  fleetCommand(),
  gatewayCommand(),
  hilCommand(),
  monitorCommand(),
  probesCommand(),
  tokenCommand(),
  topCommand(),
  upCommand(),
  whoCommand(),
];
for (const command of commands) program.addCommand(withSettingsOf(program, command));

/** The program's settings on a command and on the commands in it: `addCommand` does not hand them down. */
function withSettingsOf(parent: Command, command: Command): Command {
  for (const inner of command.commands) withSettingsOf(parent, inner as Command);
  return command.copyInheritedSettings(parent);
}

// `earl … | head` closes the pipe: nobody reads on, so there is nothing left to say.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    console.error(`earl: ${errorMessage(error)}`);
    if (process.env.EARL_DEBUG) console.error(error);
    process.exitCode = exitCodeOf(error);
  }
}
