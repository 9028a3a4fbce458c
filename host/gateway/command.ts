/** Carries out one command from the cloud on a probe's link, and says what became of it in the cloud's words. */

import type { CommandObject, CommandResult } from '../../cloud/protocol/messages.ts';
import { EarlError, errorMessage } from '../../errors/index.ts';
import type { Command, CommandOutcome } from '../link/index.ts';
import { decodeCommand } from './command-object.ts';
import type { Probe } from './probe.ts';

/** The link answers this much before the sender stops waiting, so that the answer still arrives. */
const MARGIN_MS = 100;

/** A command that was not executed. */
export function failed(status: string, message: string): CommandResult {
  return { status, data: [], message };
}

/** Never rejects. `timeoutMs`: how long the sender waits; nothing is executed after that. */
export async function execute(probe: Probe, object: CommandObject, timeoutMs: number): Promise<CommandResult> {
  if (probe.link === undefined) return failed('unreachable', `probe ${probe.id} is offline`);
  try {
    const command = decodeCommand(object);
    const outcome = await probe.link.session.command(command, Math.max(1, timeoutMs - MARGIN_MS));
    if (outcome.status === 'ok') noteEffect(probe, command);
    return resultOf(outcome);
  } catch (error) {
    return failed(statusOf(error), errorMessage(error));
  }
}

/** What a command changes in what the gateway knows of the probe. */
function noteEffect(probe: Probe, command: Command): void {
  if (command.name === 'set_interval') probe.setInterval(command.intervalMs);
}

function resultOf({ status, data, linkMs }: CommandOutcome): CommandResult {
  const message = messages[status];
  return {
    status,
    data: [...data],
    ...(linkMs !== undefined && { linkMs: Math.round(linkMs * 10) / 10 }),
    ...(message !== undefined && { message }),
  };
}

const messages: Readonly<Record<string, string>> = {
  unreachable: 'the probe could not be reached; nothing was executed',
  timeout: 'the probe did not acknowledge in time; it may or may not have executed the command, once at most',
  unknown: 'the connection ended or the probe restarted; it may or may not have executed the command, once at most',
};

function statusOf(error: unknown): string {
  switch (error instanceof EarlError ? error.code : undefined) {
    case 'COMMAND_UNKNOWN':
      return 'unknown_command';
    case 'COMMAND_BAD_FIELD':
    case 'LINK_BAD_FIELD':
      return 'bad_argument';
    case 'LINK_QUEUE_FULL':
      return 'busy';
    default:
      return 'unknown';
  }
}
