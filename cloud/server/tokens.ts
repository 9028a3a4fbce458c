/** The cloud's one token: when it is needed, how it is made and compared. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Whether only this machine can reach an address that the server listens on. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

export function generateToken(): string {
  return randomBytes(24).toString('base64url');
}

/** Compares without telling by its time how much of the token was right. */
export function isSameToken(shown: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown), digest(token));
}
