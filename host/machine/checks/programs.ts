/** Programs that Earl calls: what writes a board, what compiles its firmware, what the tests need. */

import { type Check, type Finding, missing, ok, warning } from '../check.ts';
import type { System } from '../system.ts';
import { knownUsbDevices } from '../usb.ts';

const OLDEST_CLANG = 14;
const NEWEST_CLANG = 22;
const MSPDEBUG_DRIVERS = ['rf2500', 'tilib', 'gdbc'];

/** What `make check` and `make test` call besides a compiler for the MSP430 (tools/setup.sh), and the Debian package. */
const testPrograms: readonly (readonly [names: readonly string[], what: string, debianPackage: string])[] = [
  [['gcc'], 'C compiler for the firmware’s unit tests', 'gcc'],
  [['make'], 'make', 'make'],
  [['socat'], 'socat, pairs of serial ports for tests', 'socat'],
  [
    ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    'Chromium, which the dashboard is tested in',
    'chromium',
  ],
  [['clang-format'], 'clang-format', 'clang-format'],
];

export const programChecks: readonly Check[] = [
  { id: 'mspdebug', title: 'mspdebug', neededFor: ['flash'], run: checkMspdebug },
  { id: 'libmsp430', title: "TI's libmsp430 (driver tilib)", neededFor: ['flash'], run: checkTilib },
  { id: 'msp430-compiler', title: 'Compiler for the MSP430', neededFor: ['dev'], run: checkCompiler },
  ...testPrograms.map(
    ([names, title, debianPackage]): Check => ({
      id: names[0]!,
      title,
      neededFor: ['dev'],
      run: (system) => checkProgram(system, names, debianPackage),
    }),
  ),
];

async function checkProgram(system: System, names: readonly string[], debianPackage: string): Promise<Finding> {
  for (const name of names) {
    const path = await system.find(name);
    if (path !== undefined) return ok(path);
  }
  return missing(`${names.join(', ')}: not on PATH`, `sudo apt-get install ${debianPackage}`);
}

async function checkMspdebug(system: System): Promise<Finding> {
  const path = await system.find('mspdebug');
  if (path === undefined) return missing('not on PATH', 'sudo apt-get install mspdebug');
  const output = async (...args: string[]) => {
    const result = await system.run(path, args);
    return `${result?.stdout ?? ''}${result?.stderr ?? ''}`;
  };
  const version = /MSPDebug version (\S+)/.exec(await output('--version'))?.[1];
  if (version === undefined) {
    return missing(`${path} does not tell its version`, 'sudo apt-get install --reinstall mspdebug');
  }
  const drivers = [...(await output('--help')).matchAll(/^ {4}([a-z][a-z0-9-]+)$/gm)].map((match) => match[1]!);
  const absent = MSPDEBUG_DRIVERS.filter((driver) => !drivers.includes(driver));
  if (absent.length > 0) {
    return missing(
      `${version} knows no driver ${absent.join(', ')}: it is too old`,
      'sudo apt-get install --only-upgrade mspdebug',
    );
  }
  return ok(`${version}, drivers ${drivers.join(', ')}`);
}

/** Nothing but a board with an eZ-FET needs it. */
async function checkTilib(system: System): Promise<Finding> {
  const cached = (await system.run('/sbin/ldconfig', ['-p']))?.stdout ?? '';
  const found = /libmsp430\.so.* => (\S+)/.exec(cached)?.[1];
  if (found !== undefined) return ok(found);
  for (const folder of ['/usr/local/lib', '/usr/lib']) {
    if (!(await system.list(folder)).includes('libmsp430.so')) continue;
    return missing(`${folder}/libmsp430.so is there, but the loader does not know it`, 'sudo ldconfig');
  }
  const isNeeded = (await knownUsbDevices(system)).some(({ usbId }) => usbId === '2047:0013');
  return (isNeeded ? missing : warning)(
    'not installed; only a LaunchPad with eZ-FET (2047:0013) needs it, and no distribution has it: build TI’s ' +
      '"MSP Debug Stack Open Source" (SLAC460), then',
    'sudo cp libmsp430.so /usr/local/lib/ && sudo ldconfig',
  );
}

/** The order of firmware/Makefile: GCC on PATH, GCC in ~/.cache/earl, clang with ld.lld. */
async function checkCompiler(system: System): Promise<Finding> {
  const cached = `${system.home}/.cache/earl/msp430-elf-gcc/bin/msp430-elf-gcc`;
  for (const name of ['msp430-elf-gcc', cached]) {
    const path = await system.find(name);
    if (path === undefined) continue;
    const first = (await system.run(path, ['--version']))?.stdout.split('\n')[0];
    if (first) return ok(`${first} (${path})`);
  }
  const clang = await newest(system, 'clang', true);
  const linker = await newest(system, 'ld.lld', false);
  if (clang !== undefined && linker !== undefined) return ok(`clang ${clang.version} with LLD ${linker.version}`);
  const half = clang ? 'clang is there, ld.lld is not' : linker ? 'ld.lld is there, clang is not' : 'there is none';
  return missing(
    `${half} (msp430-elf-gcc, or clang and ld.lld of version ${OLDEST_CLANG})`,
    'sudo apt-get install clang lld',
  );
}

/** As firmware/tools/find-clang.sh looks: the plain name, then the numbered ones that Debian installs. */
async function newest(system: System, name: string, mustKnowChip: boolean) {
  const numbered = Array.from(
    { length: NEWEST_CLANG - OLDEST_CLANG + 1 },
    (_, back) => `${name}-${NEWEST_CLANG - back}`,
  );
  for (const candidate of [name, ...numbered]) {
    const path = await system.find(candidate);
    if (path === undefined) continue;
    // By the name that was found: LLD is many linkers, and looks at what it is called.
    const text = (await system.run(candidate, ['--version']))?.stdout ?? '';
    const version = /(?:version|LLD) (\d+)[.\d]*/.exec(text);
    if (version === null || Number(version[1]) < OLDEST_CLANG) continue;
    if (mustKnowChip && !/^ *msp430 /m.test((await system.run(candidate, ['-print-targets']))?.stdout ?? '')) continue;
    return { version: version[0].replace(/^\D+/, '') };
  }
  return undefined;
}
