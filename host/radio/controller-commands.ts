/**
 * How a virtual controller takes HCI commands: finds the handler, answers with Command Complete or Command Status.
 *
 * Core Spec Vol 4 Part E sections 4.4, 7.7.14 and 7.7.15. A command that is not there is answered with Unknown HCI Command,
 * one with too few parameters or values out of range with Invalid HCI Command Parameters. Num_HCI_Command_Packets is always
 * 1: noble and bleno accept only 1, 2 or 5 in the answer to Reset, and heed none of them.
 */
import { addConnectionCommands } from './commands-connection.ts';
import { addGapCommands } from './commands-gap.ts';
import { addInformationCommands } from './commands-information.ts';
import type { Connection, VirtualController } from './controller.ts';
import { COMMAND, ERROR, EVENT, littleEndian, readUint16 } from './hci.ts';

/** Thrown by a handler: becomes the status of the command. */
export class Refusal {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}

/** Return parameters after the status, none, or `pending`: a Command Status now and an event later. */
export type Reply = readonly number[] | 'pending' | undefined;
export type Handler = (parameters: Uint8Array) => Reply;
/** @param octets parameters that the command has at least */
export type AddCommand = (opcode: number, octets: number, handler: Handler) => void;

const COMMAND_CREDITS = 1;
/** These are answered by Command Status even when they fail. */
const ANSWERED_BY_STATUS: ReadonlySet<number> = new Set([
  COMMAND.DISCONNECT,
  COMMAND.READ_REMOTE_VERSION_INFORMATION,
  COMMAND.LE_CREATE_CONNECTION,
  COMMAND.LE_CONNECTION_UPDATE,
  COMMAND.LE_READ_REMOTE_FEATURES,
]);
/** Return parameters that a command has even when it fails: the handle that was asked about, then zeros. */
const OCTETS_WHEN_REFUSED: ReadonlyMap<number, number> = new Map([
  [COMMAND.READ_RSSI, 3],
  [COMMAND.LE_READ_CHANNEL_MAP, 7],
  [COMMAND.LE_SET_DATA_LENGTH, 2],
]);

export class CommandTable {
  private readonly controller: VirtualController;
  private readonly handlers = new Map<number, { readonly octets: number; readonly handler: Handler }>();

  constructor(controller: VirtualController) {
    this.controller = controller;
    const add: AddCommand = (opcode, octets, handler) => this.handlers.set(opcode, { octets, handler });
    addInformationCommands(add, controller);
    addGapCommands(add, controller);
    addConnectionCommands(add, controller);
  }

  execute(opcode: number, parameters: Uint8Array): void {
    const entry = this.handlers.get(opcode);
    if (entry === undefined) {
      this.complete(opcode, [ERROR.UNKNOWN_HCI_COMMAND]);
      return;
    }
    try {
      if (parameters.length < entry.octets) throw new Refusal(ERROR.INVALID_HCI_COMMAND_PARAMETERS);
      const reply = entry.handler(parameters);
      if (reply === 'pending') this.status(opcode, ERROR.SUCCESS);
      else this.complete(opcode, [ERROR.SUCCESS, ...(reply ?? [])]);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (ANSWERED_BY_STATUS.has(opcode)) this.status(opcode, refusal.status);
      else this.refuse(opcode, refusal.status, parameters);
    }
  }

  private refuse(opcode: number, status: number, parameters: Uint8Array): void {
    const returned = new Uint8Array(OCTETS_WHEN_REFUSED.get(opcode) ?? 0);
    returned.set(parameters.subarray(0, Math.min(2, returned.length)));
    this.complete(opcode, [status, ...returned]);
  }

  private complete(opcode: number, returnParameters: readonly number[]): void {
    this.controller.sendEvent(EVENT.COMMAND_COMPLETE, [
      COMMAND_CREDITS,
      ...littleEndian(opcode, 2),
      ...returnParameters,
    ]);
  }

  private status(opcode: number, status: number): void {
    this.controller.sendEvent(EVENT.COMMAND_STATUS, [status, COMMAND_CREDITS, ...littleEndian(opcode, 2)]);
  }
}

/** The connection that a command's first two parameters name. Throws Unknown Connection Identifier. */
export function connectionOf(controller: VirtualController, parameters: Uint8Array): Connection {
  const connection = controller.connections.get(readUint16(parameters, 0) & 0x0fff);
  if (connection === undefined) throw new Refusal(ERROR.UNKNOWN_CONNECTION_IDENTIFIER);
  return connection;
}
