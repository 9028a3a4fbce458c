/** `earl who`: who is connected to a cloud and where, once or live (docs/protocol.md, "presence"). */

import { Command, Option } from 'commander';
import { type CloudClient, connect, type Presence } from '../../cloud/client/index.node.ts';
import { EarlError } from '../../errors/index.ts';
import { parseDurationMs } from './duration.ts';
import { stopSignal } from './service.ts';
import { TokenFile, type TokenFlags, tokenSource, withTokenOptions } from './token-file.ts';

interface WhoFlags extends TokenFlags {
  readonly cloud: string;
  readonly follow?: true;
  readonly wait: number;
  readonly json?: true;
}

type Client = Presence['clients'][number];

const examples = `
Examples:
  $ earl who                                    everybody at the cloud of this machine
  $ earl who 'home/#'                           gateways and pages of a site
  $ earl who home/0200000000000003 --follow     who looks at a probe, or serves it, until Ctrl-C
  $ earl who --follow --json >> who.jsonl       one line a change, for later

Clients are listed that say who they are: Earl's gateways and pages do, MQTT has no word for it. Names are what clients
say of themselves; the subject is that of their token, which is proven. A signed token must allow presence at the filter.`;

export function whoCommand(): Command {
  const command = new Command('who')
    .description('List who is connected to a cloud: gateways by the probes that they serve, pages by what they show')
    .argument('[filter]', 'places: a site, site/probe, + for one level, a last # for the rest', '#')
    .option('--cloud <url>', 'address of the cloud', 'ws://127.0.0.1:8080')
    .option('--follow', 'go on with who joins, changes and leaves')
    .addOption(
      new Option('--wait <duration>', 'how long to try to connect').argParser(parseDurationMs).default(5000, '5s'),
    )
    .option('--json', 'print JSON on stdout: the list, with --follow a line for each change');
  return withTokenOptions(command).addHelpText('after', examples).action(run);
}

async function run(filter: string, flags: WhoFlags): Promise<void> {
  const token = tokenSource(flags);
  const signal = flags.follow ? stopSignal() : undefined;
  const client = connect({
    url: flags.cloud,
    ...(token === undefined ? {} : { token: token instanceof TokenFile ? (refused) => token.read(refused) : token }),
  });
  const refused = refusal(client);
  refused.catch(() => {});
  try {
    await connected(client, flags, refused);
    if (signal === undefined) {
      const presence = await client.presence(filter);
      if (flags.json) console.log(JSON.stringify(presence));
      else printTable(presence);
      return;
    }
    await client.onPresence(filter, flags.json ? printLine : changePrinter());
    await Promise.race([signal.stopped, refused]);
  } finally {
    await client.close();
  }
}

/** Resolves when it is connected; rejects when the cloud refuses it, or does not answer in time. */
async function connected(client: CloudClient, { cloud, wait }: WhoFlags, refused: Promise<never>): Promise<void> {
  if (client.connected) return;
  let last = 'nobody answers';
  let late: NodeJS.Timeout | undefined;
  let stop = () => {};
  const up = new Promise<void>((resolve, reject) => {
    stop = client.onState((isUp, reason) => {
      if (isUp) resolve();
      else last = reason ?? last;
    });
    const error = () => new EarlError('CLOUD_DISCONNECTED', `${cloud} was not reached: ${last}`);
    late = setTimeout(() => reject(error()), wait);
  });
  await Promise.race([up, refused]).finally(() => {
    clearTimeout(late);
    stop();
  });
}

/** Rejects when the cloud does not want this client any more. */
function refusal(client: CloudClient): Promise<never> {
  return new Promise((_, reject) => {
    client.onState((isUp) => {
      if (isUp) return;
      // A client that will not connect again says why when it is asked for anything.
      client.ping().catch((error: unknown) => {
        const isPassing = error instanceof EarlError && ['CLOUD_DISCONNECTED', 'CLOUD_CLOSED'].includes(error.code);
        if (!isPassing) reject(error);
      });
    });
  });
}

function printLine({ clients, truncated }: Presence): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), clients, truncated }));
}

function printTable({ clients, truncated }: Presence): void {
  const header = ['name', 'kind', 'subject', 'since', 'at'];
  const rows = clients.map((client) => [...wordsOf(client), placesOf(client)]);
  if (rows.length === 0) {
    console.log('nobody who says who they are');
    return;
  }
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  for (const row of all) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!));
    console.log(cells.join('  ').trimEnd());
  }
  if (truncated) console.log(`and more: the cloud lists ${clients.length}; name a narrower filter`);
}

/** The list first, then a line for each who joins (+), changes (~) or leaves (-). */
function changePrinter(): (presence: Presence) => void {
  let before: Map<string, Client> | undefined;
  return (presence) => {
    const now = new Map(presence.clients.map((client) => [client.id, client]));
    if (before === undefined) {
      printTable(presence);
    } else {
      for (const [id, client] of before) if (!now.has(id)) printChange('-', client);
      for (const [id, client] of now) {
        const earlier = before.get(id);
        if (earlier === undefined) printChange('+', client);
        else if (JSON.stringify(earlier) !== JSON.stringify(client)) printChange('~', client);
      }
    }
    before = now;
  };
}

function printChange(sign: string, client: Client): void {
  const [name, kind, subject] = wordsOf(client);
  const who = [name, kind, subject].filter((word) => word !== '').join('  ');
  console.log(`${new Date().toISOString()} ${sign} ${who}  ${placesOf(client)}`);
}

function wordsOf({ name, kind = '', subject = '', since }: Client): string[] {
  return [name, kind, subject, since].map(printable);
}

function placesOf({ at, unlisted }: Client): string {
  return printable(at.join(' ')) + (unlisted === undefined ? '' : ` and ${unlisted} more`);
}

/** Names come from anybody: nothing of them may steer a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, '?');
}
