/** A machine made of literal file contents and program outputs, for the checks of host/machine. */
import type { RunResult, System } from '../../host/machine/system.ts';

export interface Script extends Partial<Pick<System, 'platform' | 'nodeVersion' | 'uid' | 'user'>> {
  readonly files?: Readonly<Record<string, string>>;
  /** Path → may it be read and written. */
  readonly access?: Readonly<Record<string, boolean>>;
  /** `program arguments` → stdout; a program that stands here is on PATH, at `/usr/bin/` unless it has a path. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly busyPorts?: readonly number[];
}

export function scriptedSystem(script: Script = {}): System {
  const { files = {}, access = {}, programs = {}, busyPorts = [] } = script;
  const calls = Object.keys(programs).map((call) => call.split(' ')[0]!);
  const pathOf = (program: string) => (program.startsWith('/') ? program : `/usr/bin/${program}`);
  return {
    platform: script.platform ?? 'linux',
    nodeVersion: script.nodeVersion ?? '20.20.2',
    nodePath: '/usr/bin/node',
    user: script.user ?? 'ada',
    uid: script.uid ?? 1000,
    home: '/home/ada',
    packageRoot: '/earl',
    readBytes: async (path) => (files[path] === undefined ? undefined : new TextEncoder().encode(files[path])),
    readText: async (path) => files[path],
    list: async (folder) => {
      const inside = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(inside.map((path) => path.slice(folder.length + 1).split('/')[0]!))];
    },
    mayReadAndWrite: async (path) => access[path],
    find: async (program) => (calls.includes(program) ? pathOf(program) : undefined),
    run: async (program, args): Promise<RunResult | undefined> => {
      const key = Object.keys(programs).find((call) => {
        const [name, ...rest] = call.split(' ');
        return (name === program || pathOf(name!) === program) && rest.join(' ') === args.join(' ');
      });
      return key === undefined ? undefined : { code: 0, stdout: programs[key]!, stderr: '' };
    },
    portIsFree: async (port) => !busyPorts.includes(port),
  };
}

/** A 0451:f432 or other device on USB, as sysfs shows it. */
export function usbDevice(name: string, usbId: string, options: { tty?: string; connectedMs?: number } = {}) {
  const root = `/sys/bus/usb/devices/${name}`;
  const [vendor, product] = usbId.split(':');
  return {
    [`${root}/idVendor`]: `${vendor}\n`,
    [`${root}/idProduct`]: `${product}\n`,
    [`${root}/serial`]: 'CFFF4695F6C11445\n',
    [`${root}/busnum`]: '1\n',
    [`${root}/devnum`]: '7\n',
    ...(options.connectedMs === undefined ? {} : { [`${root}/power/connected_duration`]: `${options.connectedMs}\n` }),
    ...(options.tty === undefined ? {} : { [`${root}:1.0/tty/${options.tty}/dev`]: '166:0\n' }),
  };
}
