/**
 * The one error class that Earl throws at its users.
 *
 * A leaf that every room may import: `code` is stable and for programs, `message` says what happened and what to do
 * about it, `cause` keeps the original error.
 */
export class EarlError extends Error {
  override readonly name = 'EarlError';
  readonly code: string;

  /**
   * @param code stable, upper snake case, e.g. `IMAGE_NOT_FOUND`
   * @param message a sentence that a user can act on
   */
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything that was thrown, for a message or a log line. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
