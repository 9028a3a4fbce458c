/** `earl`: parses the command line and runs one command; one file a command beside this one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { errorMessage } from '../../errors/index.ts';
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
import { upCommand } from './up.ts';

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };

const program = new Command('earl')
  .description('Technology probes: emulate, relay and watch small battery objects')
  .version(version)
  .showHelpAfterError('Run the command with --help for its options and examples.')
  .exitOverride();

program.addCommand(benchCommand().copyInheritedSettings(program));
program.addCommand(cloudCommand().copyInheritedSettings(program));
program.addCommand(devicesCommand().copyInheritedSettings(program));
program.addCommand(doctorCommand().copyInheritedSettings(program));
program.addCommand(emulateCommand().copyInheritedSettings(program));
program.addCommand(fleetCommand().copyInheritedSettings(program));
program.addCommand(flashCommand().copyInheritedSettings(program));
program.addCommand(gatewayCommand().copyInheritedSettings(program));
program.addCommand(hilCommand().copyInheritedSettings(program));
program.addCommand(monitorCommand().copyInheritedSettings(program));
program.addCommand(upCommand().copyInheritedSettings(program));

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
