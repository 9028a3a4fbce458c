/** Why a client's request was not done; becomes the `error` message with its code. */

import type { ErrorCode } from '../protocol/index.ts';

export class RequestError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
