/**
 * Makes one exposition of those of several processes (Prometheus, "Text-based format"): each family once, with its help
 * and type from whoever comes first, and the label `worker` on every sample.
 *
 * It reads what prom-client writes; timestamps and exemplars do not occur there.
 */

export interface Exposition {
  /** Value of the label `worker`. */
  readonly worker: string;
  readonly text: string;
}

interface Family {
  readonly head: string[];
  readonly samples: string[];
}

export function mergeExpositions(expositions: readonly Exposition[]): string {
  const families = new Map<string, Family>();
  for (const { worker, text } of expositions) {
    let current: Family | undefined;
    const hasHead = new Set<string>();
    for (const line of text.split('\n')) {
      const head = /^# (?:HELP|TYPE) ([a-zA-Z_:][\w:]*)/.exec(line);
      if (head !== null) {
        const name = head[1]!;
        const known = families.get(name);
        if (known === undefined) hasHead.add(name);
        current = known ?? { head: [], samples: [] };
        families.set(name, current);
        if (hasHead.has(name)) current.head.push(line);
      } else if (current !== undefined && line !== '' && !line.startsWith('#')) {
        current.samples.push(labelled(line, worker));
      }
    }
  }
  return [...families.values()].map(({ head, samples }) => `${[...head, ...samples].join('\n')}\n`).join('\n');
}

/** A sample with the label `worker`, unless it has one. */
function labelled(line: string, worker: string): string {
  const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (.*)$/.exec(line);
  if (sample === null) return line;
  const [, name, labels = '', value] = sample;
  if (/(?:^|,)worker="/.test(labels)) return line;
  return `${name}{worker="${worker}"${labels === '' ? '' : `,${labels}`}} ${value}`;
}
