/** `earl top`: what one or several clouds do, live, from their /metrics (docs/operations.md, "Watching"). */

import { Command, Option } from 'commander';
import { EarlError } from '../../errors/index.ts';
import { collect } from './cloud.ts';
import { parseDurationMs } from './duration.ts';
import { stopSignal } from './service.ts';
import { type TokenFlags, type TokenSource, tokenOf, tokenSource, withTokenOptions } from './token-file.ts';
import { type Reading, readMetrics, rowOf, silentWorkers, type TopRow } from './top-metrics.ts';

interface TopFlags extends TokenFlags {
  cloud: string[];
  interval: number;
  json?: true;
}

/** One server at one time. */
type Looked =
  | { readonly url: string; readonly processes: readonly TopRow[]; readonly silentWorkers?: readonly string[] }
  | { readonly url: string; readonly problem: string };

const shortestMs = 100;

const examples = `
Examples:
  $ earl top                                          the cloud of this machine
  $ earl top --cloud http://10.0.0.5:8080 --cloud http://10.0.0.6:8080 --token TOKEN
  $ earl top --json --interval 10s >> top.jsonl       one line an interval, for later

in/s and out/s are messages of clients and to them; lag is how late the event loop is and service the time from a
message's publishing to its subscribers' sockets, both as the 99th percentile of the interval; queue is what clients have
not taken. With --workers there is a line for each worker and one for the primary, whose queue is what workers have not
taken. A cloud with a token wants it, and a signed one must allow to subscribe to #. Ctrl-C ends it.`;

export function topCommand(): Command {
  const command = new Command('top')
    .description('Watch clouds: connections, messages, lag and memory of every server')
    .addOption(
      new Option('--cloud <url>', 'a cloud; may be repeated').argParser(collect).default([], 'http://127.0.0.1:8080'),
    );
  return withTokenOptions(command, 'what the clouds ask for, if they do')
    .addOption(new Option('--interval <duration>', 'between two looks').argParser(parseDurationMs).default(1000, '1s'))
    .option('--json', 'print one JSON line an interval on stdout')
    .addHelpText('after', examples)
    .action(run);
}

async function run(flags: TopFlags): Promise<void> {
  const signal = stopSignal();
  const urls = (flags.cloud.length > 0 ? flags.cloud : ['http://127.0.0.1:8080']).map(metricsUrl);
  if (flags.interval < shortestMs) throw new EarlError('USAGE', `--interval must be at least ${shortestMs}ms`);
  const end = new AbortController();
  void signal.stopped.then(() => end.abort());
  const token = tokenSource(flags);
  const watched = urls.map((url) => new Watched(url, token, flags.interval, end.signal));
  const print = flags.json ? printJson : tablePrinter();
  for (let due = performance.now(); ; ) {
    const looked = await Promise.all(watched.map((one) => one.look()));
    if (end.signal.aborted) return;
    print(looked);
    // What took longer than an interval makes no second look at once.
    due = Math.max(due + flags.interval, performance.now());
    await sleepUntil(due, end.signal);
  }
}

function metricsUrl(text: string): string {
  try {
    const url = new URL(text.replace(/^ws/, 'http'));
    if (url.protocol === 'http:' || url.protocol === 'https:') return new URL('/metrics', url).href;
  } catch {
    // falls through to the same answer
  }
  throw new EarlError('CLOUD_BAD_URL', `${text} is no address of a cloud: write it as http://127.0.0.1:8080`);
}

/** One server, and what was read of it before. */
class Watched {
  readonly #url: string;
  readonly #token: TokenSource | undefined;
  readonly #patienceMs: number;
  readonly #end: AbortSignal;
  #before = new Map<string, Reading>();

  constructor(url: string, token: TokenSource | undefined, interval: number, end: AbortSignal) {
    this.#url = url;
    this.#end = end;
    this.#token = token;
    this.#patienceMs = Math.max(2000, interval);
  }

  async look(): Promise<Looked> {
    const url = new URL(this.#url).origin;
    try {
      const signal = AbortSignal.any([this.#end, AbortSignal.timeout(this.#patienceMs)]);
      const token = tokenOf(this.#token);
      const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      const response = await fetch(this.#url, { headers, signal });
      const text = await response.text();
      if (!response.ok) return { url, problem: `HTTP ${response.status}: ${text.trim().slice(0, 200)}` };
      const now = readMetrics(text, performance.now());
      const processes = [...now].map(([process, reading]) => rowOf(process, reading, this.#before.get(process)));
      this.#before = now;
      if (processes.length === 0) return { url, problem: 'this is no cloud of Earl' };
      const silent = silentWorkers(text);
      return { url, processes, ...(silent.length > 0 ? { silentWorkers: silent } : {}) };
    } catch (error) {
      this.#before = new Map();
      return { url, problem: problemOf(error) };
    }
  }
}

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof EarlError) return error.message;
  if (error.name === 'TimeoutError') return 'it does not answer';
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.code === 'ECONNREFUSED' ? 'nobody listens there' : (cause?.message ?? error.message);
}

/** Until then, or until `cut`. */
function sleepUntil(dueMs: number, cut: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      cut.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.max(0, dueMs - performance.now()));
    cut.addEventListener('abort', wake);
    if (cut.aborted) wake();
  });
}

function printJson(servers: readonly Looked[]): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), servers }));
}

const columns = [
  'server',
  'worker',
  'process',
  'connections',
  'in/s',
  'out/s',
  'lag p99',
  'service p99',
  'queue',
  'memory',
  'cpu',
];

/** Prints tables, on a terminal each in the place of the one before. */
function tablePrinter(): (servers: readonly Looked[]) => void {
  let lines = 0;
  return (servers) => {
    const rows = servers.flatMap((server) =>
      'problem' in server ? [] : server.processes.map((row) => cells(server.url, row)),
    );
    const problems = servers.flatMap((server) =>
      'problem' in server
        ? [`${server.url}  ${server.problem}`]
        : (server.silentWorkers ?? []).map((worker) => `${server.url}  worker ${worker} does not answer`),
    );
    const text = [...(rows.length > 0 ? aligned([columns, ...rows]) : []), ...problems];
    // Up to the first line of the table before, and away with what is below.
    if (process.stdout.isTTY && lines > 0) process.stdout.write(`\x1b[${lines}A\x1b[J`);
    console.log(text.join('\n'));
    lines = text.length;
  };
}

function cells(url: string, row: TopRow): string[] {
  return [
    url,
    row.worker ?? '',
    row.draining ? `${row.process} draining` : row.process,
    String(row.connections),
    perSecond(row.inPerSecond),
    perSecond(row.outPerSecond),
    row.lagP99Ms === undefined ? '-' : `${row.lagP99Ms.toFixed(1)} ms`,
    row.serviceP99Ms === undefined ? '-' : `${row.serviceP99Ms.toFixed(2)} ms`,
    bytes(row.queueBytes),
    bytes(row.memoryBytes),
    row.cpu === undefined ? '-' : `${Math.round(row.cpu * 100)} %`,
  ];
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? '-' : String(Math.round(rate));
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 * 1024 ? `${Math.round(count / 1024)} KiB` : `${Math.round(count / 1024 / 1024)} MiB`;
}

/** Columns of equal width, those that say something; all but the names to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const [, ...values] = rows;
  const shown = columns.map((_, column) => column).filter((column) => values.some((row) => row[column] !== ''));
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    shown
      .map((column) => (column < 3 ? row[column]!.padEnd(widths[column]!) : row[column]!.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
