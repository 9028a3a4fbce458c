/**
 * `earl token`: makes keys, signs tokens with them, and shows what a token says. The cloud checks them (`earl cloud --keys`).
 *
 * Private keys go into new files that only the user can read, and are never printed.
 */

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import {
  type Action,
  actions,
  readKeys,
  type Scopes,
  signToken,
  type TokenKey,
  tokenClaims,
  verifyToken,
} from '../../cloud/server/index.ts';
import { EarlError, errorMessage } from '../../errors/index.ts';
import { collect } from './cloud.ts';
import { parseDurationMs } from './duration.ts';

interface KeyFlags {
  readonly out: string;
  readonly id?: string;
  readonly alg: string;
  readonly public?: string;
  readonly json?: true;
}

type SignFlags = { readonly [action in Action]: string[] } & {
  readonly keys: string;
  readonly key?: string;
  readonly subject: string;
  readonly expires: string;
  readonly notBefore?: string;
  readonly site: string[];
  readonly may?: string;
  readonly json?: true;
};

interface ShowFlags {
  readonly keys?: string;
  readonly json?: true;
}

const examples = `
Keys are JWK files (RFC 7517), tokens are JWTs (RFC 7519). To change keys, put a new file beside the old one, sign with the new
key, and remove the old file when its last token has expired: a running cloud heeds it at once.

Examples:
  $ mkdir -m 700 keys
  $ earl token key --out keys/2026.json                            a secret for HS256: the cloud could sign as well
  $ earl token key --alg EdDSA --out sign.json --public keys/b.json  a pair: sign.json stays with you
  $ earl cloud --host 0.0.0.0 --keys keys                          takes tokens of every key in the folder
  $ earl token sign --keys keys --subject gateway-1 --site home    may do everything in the site home, for 12 hours
  $ earl token sign --keys keys --subject wall --site home --may subscribe --expires 8760h
  $ earl token sign --keys sign.json --subject logger --subscribe 'home/+/samples' --subscribe 'lab/#'
  $ earl token sign --keys keys --subject x --site home | earl token show - --keys keys`;

/** What each filter selects. */
const allowed: Record<Action, string> = {
  publish: 'topics it may publish to',
  subscribe: 'topics it may subscribe to',
  command: 'probes it may command',
  serve: 'probes it may serve',
  presence: 'places it may be at and ask about',
};

export function tokenCommand(): Command {
  const command = new Command('token')
    .description('Make keys and sign tokens that say who may do what at a cloud')
    .addHelpText('after', examples);
  const asJson = 'print JSON on stdout';
  command
    .command('key')
    .description('Make a key, in a new file that only you can read')
    .requiredOption('--out <file>', 'the key that signs')
    .option('--alg <name>', 'HS256, one secret that signs and checks; or EdDSA, a pair', 'HS256')
    .option('--public <file>', 'with EdDSA: the half that only checks, for the cloud')
    .option('--id <name>', 'its name in tokens; default: made up')
    .option('--json', asJson)
    .action(makeKey);
  const sign = command
    .command('sign')
    .description('Sign a token; it is printed on stdout')
    .requiredOption('--keys <path>', 'file or folder of keys')
    .requiredOption('--subject <name>', 'who will use it')
    .option('--key <id>', 'which key signs, when there are several')
    .option('--expires <duration>', 'how long it is valid', '12h')
    .option('--not-before <duration>', 'from when on it is valid, counted from now')
    .option('--site <name>', 'all topics and probes of a site; may be repeated', collect, [])
    .option('--may <actions>', `with --site: only these of ${actions.join(',')}`);
  for (const action of actions) {
    sign.option(`--${action} <filter>`, `${allowed[action]}; may be repeated`, collect, []);
  }
  sign.option('--json', asJson).action(printSigned);
  command
    .command('show')
    .description('Show what a token says and, with keys, whether it is good')
    .argument('<token>', 'the token; - reads it from stdin, where no list of processes shows it')
    .option('--keys <path>', 'file or folder of keys')
    .option('--json', asJson)
    .action(show);
  return command;
}

function makeKey({ out, id = `k-${randomBytes(4).toString('hex')}`, alg, public: publicFile, json }: KeyFlags): void {
  if (alg !== 'HS256' && alg !== 'EdDSA') throw new EarlError('USAGE', `--alg is HS256 or EdDSA, not ${alg}`);
  if (publicFile !== undefined && alg === 'HS256') {
    throw new EarlError('USAGE', 'a secret for HS256 has no public half: use --alg EdDSA');
  }
  if (id === '' || id.length > 128) throw new EarlError('USAGE', '--id has 1 to 128 characters');
  if (alg === 'HS256') {
    writeNew(out, 0o600, { kty: 'oct', kid: id, alg, k: randomBytes(32).toString('base64url') });
  } else {
    const pair = generateKeyPairSync('ed25519');
    writeNew(out, 0o600, { ...pair.privateKey.export({ format: 'jwk' }), kid: id, alg });
    if (publicFile !== undefined)
      writeNew(publicFile, 0o644, { ...pair.publicKey.export({ format: 'jwk' }), kid: id, alg });
  }
  if (json)
    console.log(JSON.stringify({ id, algorithm: alg, file: out, ...(publicFile ? { public: publicFile } : {}) }));
  else console.log(`${id}: ${alg} in ${out}${publicFile ? `, its public half in ${publicFile}` : ''}`);
}

function writeNew(file: string, mode: number, key: object): void {
  try {
    writeFileSync(file, `${JSON.stringify(key, undefined, 2)}\n`, { mode, flag: 'wx', flush: true });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new EarlError(
      exists ? 'USAGE' : 'KEYS_FAILED',
      exists ? `${file} exists already: a key is not overwritten` : `the key was not written: ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

async function printSigned(flags: SignFlags): Promise<void> {
  const expiresAtMs = Date.now() + parseDurationMs(flags.expires);
  const key = chooseKey(await readKeys(flags.keys), flags.key);
  const token = await signToken(
    {
      subject: flags.subject,
      scopes: scopesOf(flags),
      expiresAtMs,
      ...(flags.notBefore === undefined ? {} : { notBeforeMs: Date.now() + parseDurationMs(flags.notBefore) }),
    },
    key,
  );
  if (flags.json) console.log(JSON.stringify({ token, key: key.id, claims: tokenClaims(token) }));
  else console.log(token);
}

function chooseKey(keys: ReadonlyMap<string, TokenKey>, id: string | undefined): TokenKey {
  if (id !== undefined) {
    const key = keys.get(id);
    if (key === undefined) throw new EarlError('USAGE', `no key ${id}: there are ${[...keys.keys()].join(', ')}`);
    return key;
  }
  const able = [...keys.values()].filter(({ signer }) => signer !== undefined);
  if (able.length === 1) return able[0]!;
  const problem = able.length === 0 ? 'only public keys are there: signing needs the private file' : '';
  throw new EarlError('USAGE', problem || `say which key signs: --key ${able.map((key) => key.id).join(' or --key ')}`);
}

function scopesOf(flags: SignFlags): Scopes {
  const may = flags.may?.split(',').map((action) => action.trim()) ?? actions;
  const unknown = may.find((action) => !actions.includes(action as Action));
  if (unknown !== undefined) throw new EarlError('USAGE', `--may takes ${actions.join(', ')}, not "${unknown}"`);
  if (flags.may !== undefined && flags.site.length === 0) throw new EarlError('USAGE', '--may needs --site');
  const wrong = flags.site.find((site) => /[/+#]/.test(site));
  if (wrong !== undefined) throw new EarlError('USAGE', `a site is one level without wildcards, not "${wrong}"`);
  const scopes: Partial<Record<Action, string[]>> = {};
  for (const action of actions) {
    const rest = action === 'command' || action === 'serve' ? '+' : '#';
    const ofSites = may.includes(action) ? flags.site.map((site) => `${site}/${rest}`) : [];
    const filters = [...ofSites, ...flags[action]];
    if (filters.length > 0) scopes[action] = filters;
  }
  if (Object.keys(scopes).length > 0) return scopes;
  throw new EarlError('USAGE', 'the token would allow nothing: name a --site, or filters for --publish and so on');
}

async function show(argument: string, { keys, json }: ShowFlags): Promise<void> {
  const token = (argument === '-' ? readFileSync(0, 'utf8') : argument).trim();
  const claims = tokenClaims(token);
  const problem = keys === undefined ? undefined : await problemOf(token, keys);
  if (json) {
    console.log(JSON.stringify({ claims, ...(keys === undefined ? {} : { good: problem === undefined, problem }) }));
  } else {
    console.log(JSON.stringify(claims, undefined, 2));
    for (const [name, time] of [
      ['valid from', claims.nbf],
      ['expires', claims.exp],
    ] as const) {
      if (typeof time === 'number') console.error(`${name} ${new Date(time * 1000).toISOString()}`);
    }
    console.error(keys === undefined ? 'not checked: give --keys' : (problem ?? 'good'));
  }
  if (problem !== undefined) throw new EarlError('TOKEN_REFUSED', problem);
}

async function problemOf(token: string, keys: string): Promise<string | undefined> {
  const known = await readKeys(keys);
  try {
    await verifyToken(token, known);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}
