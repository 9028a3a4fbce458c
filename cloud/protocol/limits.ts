/** Sizes that both ends of `earl.v1.json` keep to. A server may be stricter; it says so in `welcome` and in errors. */

export const limits = {
  /** Longest WebSocket message in bytes of UTF-8. */
  messageBytes: 65_536,
  /** Longest topic or filter in UTF-16 code units. */
  topicLength: 256,
  topicLevels: 16,
  /** Deepest nesting of arrays and objects in `data` and `command`. */
  jsonDepth: 32,
  publisherLength: 128,
  /** Signed tokens with many filters are long. */
  tokenLength: 4096,
  /** Most filters in one `subscribe`. */
  filters: 256,
  epochLength: 64,
  /** Longest that a subscriber may have its messages held back. */
  maxDelayMs: 60_000,
  /** Most probes in one `serve`. */
  servedProbes: 256,
  /** Most messages in a will, however many `will` it was said in. */
  willMessages: 256,
  clientNameLength: 64,
  clientKindLength: 32,
  /** Longest `info` of a client as JSON in UTF-16 code units. */
  clientInfoLength: 1_024,
  /** Most places that a client can say it is at. */
  places: 16,
  /** Most places of one client that an answer lists. */
  listedPlaces: 64,
  /** Most clients that one filter of `presence` brings. */
  presentClients: 1_000,
  /** Most numbers in the `data` of a command's result. */
  resultData: 1024,
  commandTimeoutMs: { least: 1, standard: 5_000, most: 60_000 },
} as const;
