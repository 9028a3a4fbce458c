/** What everything needs: the right Node, undamaged images of the probes, a free port for the dashboard. */

import { createHash } from 'node:crypto';
import { type Check, type Finding, missing, ok, warning } from '../check.ts';
import type { System } from '../system.ts';

const DASHBOARD_PORT = 8080;

interface Manifest {
  readonly firmwareVersion: string;
  readonly images: Readonly<Record<string, { readonly file: string; readonly sha256: string }>>;
}

export const emulationChecks: readonly Check[] = [
  { id: 'node', title: 'Node.js', neededFor: ['emulation'], run: checkNode },
  { id: 'images', title: 'Images of the probes', neededFor: ['emulation'], run: checkImages },
  { id: 'port-8080', title: `Port ${DASHBOARD_PORT} for the dashboard`, neededFor: ['emulation'], run: checkPort },
];

async function checkNode(system: System): Promise<Finding> {
  const { nodeVersion, packageRoot } = system;
  const { engines } = JSON.parse((await system.readText(`${packageRoot}/package.json`)) ?? '{}') as {
    engines?: { node?: string };
  };
  const range = /^>=(\d+)\.(\d+) <(\d+)$/.exec(engines?.node ?? '');
  if (range === null) return warning(`${nodeVersion}; package.json does not say which versions will do`);
  const [lowestMajor, lowestMinor, below] = range.slice(1).map(Number) as [number, number, number];
  const [major, minor] = nodeVersion.split('.').map(Number) as [number, number];
  const fits = (major > lowestMajor || (major === lowestMajor && minor >= lowestMinor)) && major < below;
  if (fits) return ok(nodeVersion);
  return missing(
    `${nodeVersion}, but Earl runs on ${engines!.node}`,
    `nvm install ${below - 2}`,
    `nvm use ${below - 2}`,
  );
}

async function checkImages(system: System): Promise<Finding> {
  const dist = `${system.packageRoot}/firmware/dist`;
  const text = await system.readText(`${dist}/manifest.json`);
  if (text === undefined) return missing(`${dist}/manifest.json is not there`, ...(await restore(system)));
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    return missing(`${dist}/manifest.json is damaged`, ...(await restore(system)));
  }
  const entries = Object.entries(manifest.images);
  const problems = await Promise.all(entries.map(([, { file, sha256 }]) => problemOf(system, dist, file, sha256)));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) return missing(found.join('; '), ...(await restore(system)));
  return ok(`${entries.map(([kind]) => kind).join(', ')}, firmware ${manifest.firmwareVersion}`);
}

async function problemOf(system: System, dist: string, file: string, sha256: string): Promise<string | undefined> {
  const bytes = await system.readBytes(`${dist}/${file}`);
  if (bytes === undefined) return `firmware/dist/${file} is missing`;
  const actual = createHash('sha256').update(bytes).digest('hex');
  return actual === sha256 ? undefined : `firmware/dist/${file} is not the file of the manifest`;
}

/** A clone has the images in git, an installed package brings them. */
async function restore({ packageRoot, list }: System): Promise<string[]> {
  const isClone = (await list(packageRoot)).includes('.git');
  return [isClone ? `git -C ${packageRoot} checkout -- firmware/dist` : 'npm install earl-toolkit'];
}

async function checkPort(system: System): Promise<Finding> {
  if (await system.portIsFree(DASHBOARD_PORT)) return ok('free');
  const listening = (await system.run('ss', ['-Hltnp', `sport = :${DASHBOARD_PORT}`]))?.stdout ?? '';
  const holder = /\(\("([^"]+)",pid=(\d+)/.exec(listening);
  const who = holder ? `${holder[1]} (process ${holder[2]})` : 'another program';
  return warning(`${who} listens there; Earl can take another`, `earl up --port ${DASHBOARD_PORT + 1}`);
}
