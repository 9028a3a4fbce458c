/**
 * Sends the commands of one control group and says, in words, what became of them.
 *
 * One command is under way at a time. While it is, only the newest of those that follow waits: a slider that is dragged
 * ends where the finger stopped, and the slow road to the probe is never filled with colours that nobody wants any more.
 */

import { errorMessage } from '../../errors/index.ts';
import type { CloudClient } from '../client/client.ts';
import type { CommandObject, CommandResult } from '../protocol/index.ts';
import { h, setText } from './dom.ts';
import { formatMs } from './quantities.ts';

/** After this long the user is told that the command is still under way. */
const PATIENCE_MS = 300;

const failures: Record<string, string> = {
  unknown_command: 'its firmware does not know this command',
  bad_argument: 'it refused a value as out of range',
  unsupported: 'it has no such part',
  i2c_nack: 'the part on its I2C bus does not answer',
  i2c_timeout: 'its I2C bus is stuck',
  i2c_arbitration: 'its I2C bus was taken by somebody else',
  busy: 'it is busy; try again',
  no_session: 'it has just restarted; try again',
  unreachable: 'the gateway has lost it',
  timeout: 'it did not answer in time, so it may or may not have happened',
  unknown: 'the connection broke under way, so it may or may not have happened',
};

const errors: Record<string, string> = {
  CLOUD_NO_PROBE: 'no gateway serves this probe at the moment',
  CLOUD_TIMEOUT: 'no answer in time, so it may or may not have happened',
  CLOUD_DISCONNECTED: 'no connection to the cloud',
};

/** The sentence for a result that is not `ok`. */
export function failureText(result: CommandResult): string {
  const reason = failures[result.status] ?? result.message ?? `the probe says ${result.status}`;
  return `Not done: ${reason.replace(/\.$/, '')}.`;
}

/** The sentence for a command that never got a result. */
export function errorText(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return `Not sent: ${errors[code] ?? errorMessage(error)}.`;
}

/** What a control needs to reach its probe. */
export interface CommandRoad {
  readonly client: Pick<CloudClient, 'command'>;
  /** `site/probe`. */
  readonly probe: string;
}

interface Waiting {
  readonly command: CommandObject;
  readonly done: (result: CommandResult) => string;
}

export class CommandSlot {
  /** Where the words go; put it beside the controls. */
  readonly output = h('output', { class: 'outcome' });
  private readonly road: CommandRoad;
  private busy = false;
  private waiting: Waiting | undefined;

  constructor(road: CommandRoad) {
    this.road = road;
  }

  /** @param done what to say when the probe acknowledged; the round trip is added */
  send(command: CommandObject, done: (result: CommandResult) => string): void {
    this.waiting = { command, done };
    if (!this.busy) void this.drain();
  }

  /** Says something without sending. */
  say(kind: 'ok' | 'failed' | 'sending', text: string): void {
    this.output.dataset.kind = kind;
    setText(this.output, text);
  }

  private async drain(): Promise<void> {
    this.busy = true;
    while (this.waiting !== undefined) {
      const { command, done } = this.waiting;
      this.waiting = undefined;
      await this.perform(command, done);
    }
    this.busy = false;
  }

  private async perform(command: CommandObject, done: (result: CommandResult) => string): Promise<void> {
    const startedMs = performance.now();
    // A quick road needs no word in between; it would only be read aloud for nothing.
    const patience = setTimeout(() => this.say('sending', 'Sending…'), PATIENCE_MS);
    try {
      const result = await this.road.client.command(this.road.probe, command);
      const took = formatMs(performance.now() - startedMs);
      if (result.status === 'ok') this.say('ok', `${done(result)} Acknowledged in ${took}.`);
      else this.say('failed', failureText(result));
    } catch (error) {
      this.say('failed', errorText(error));
    } finally {
      clearTimeout(patience);
    }
  }
}
