/** Whether this page can use Bluetooth, and in words why not. */

/// <reference types="web-bluetooth" />

export interface Surroundings {
  readonly isSecureContext: boolean;
  readonly navigator: { readonly bluetooth?: Pick<Bluetooth, 'requestDevice' | 'getAvailability'> };
}

export interface Obstacle {
  readonly text: string;
  /** Nothing that the user does on this page will help. */
  readonly final: boolean;
}

/** What stands in the way; undefined: nothing that is known. */
export async function obstacle({ isSecureContext, navigator }: Surroundings): Promise<Obstacle | undefined> {
  if (!isSecureContext) {
    return {
      text: 'This page was not loaded securely, and browsers give Bluetooth to secure pages only: open it by https, or from localhost.',
      final: true,
    };
  }
  if (navigator.bluetooth === undefined) {
    return {
      text: 'This browser has no Web Bluetooth. Chrome, Edge and Opera have it on Windows, macOS, ChromeOS and Android (on Linux behind chrome://flags/#enable-experimental-web-platform-features); Firefox and Safari do not.',
      final: true,
    };
  }
  const available = await navigator.bluetooth.getAvailability().catch(() => true);
  if (available) return undefined;
  return { text: 'This device has no Bluetooth adapter, or it is switched off.', final: false };
}

/** What became of asking the user for a device, when it was none; empty for one who changed their mind. */
export function choiceError(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : String(error);
  // The browser's own words are the only way to tell "closed the list" from "nothing to list".
  if (name === 'NotFoundError') return /cancel/i.test(message) ? '' : `No probe was found: ${message}`;
  if (name === 'SecurityError' || name === 'NotAllowedError')
    return `The browser does not allow Bluetooth here: ${message}`;
  return `Bluetooth failed: ${message}`;
}
