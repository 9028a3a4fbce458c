/**
 * Topics as subjects of NATS: a level is a token, what a token may not contain is `%` and two hexadecimal digits, and a
 * last token `_` lets `home.>` match `home` itself, as `home/#` does.
 */

/** Characters with a meaning in subjects, the escape itself, and white space. */
const special = /[.*>%\s]/g;

export function subjectOf(prefix: string, topic: string): string {
  return `${prefix}.${topic.split('/').map(escaped).join('.')}._`;
}

export function topicOf(prefix: string, subject: string): string {
  const tokens = subject.slice(prefix.length + 1, -2).split('.');
  return tokens.map((token) => decodeURIComponent(token.replace(/%(?![0-9A-F]{2})/g, '%25'))).join('/');
}

function escaped(level: string): string {
  return level.replace(special, (character) => encodeURIComponent(character).replace(/[.*]/g, hex));
}

function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
