/** The examples of docs/sdk.md, pointed at a cloud of a test, and a small site for them to meet. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudClient } from '../../cloud/client/index.ts';
import type { Json } from '../../cloud/protocol/index.ts';

/** The first code block of a language. */
export function exampleOf(language: 'js' | 'html', url: string): string {
  const text = readFileSync(join(import.meta.dirname, '../../docs/sdk.md'), 'utf8');
  const [, code] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(text) ?? [];
  if (code === undefined) throw new Error(`docs/sdk.md has no example in ${language}`);
  return code.replace('ws://127.0.0.1:8080', url.replace('http', 'ws'));
}

/** One ball that is online, samples, and answers; returns what it was asked. */
export async function playBall(gateway: CloudClient): Promise<{ asked: Json[]; stop: () => void }> {
  const asked: Json[] = [];
  await gateway.serve(['home/1'], async (_, command) => {
    asked.push(command);
    return { status: 'ok', data: [15] };
  });
  await gateway.publishAcknowledged('home/1/status', { online: true, kind: 'ball' }, { retain: true });
  const timer = setInterval(() => gateway.publish('home/1/samples', [{ n: 'light', u: 'lx', v: 412 }]), 50);
  return { asked, stop: () => clearInterval(timer) };
}
