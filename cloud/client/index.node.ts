/** The client for Node: like index.ts, with the WebSocket of `ws`. */

import { WebSocket } from 'ws';
import type { CloudClient, CloudClientOptions } from './client.ts';
import { connect as connectWith } from './connect.ts';

export type * from './index.ts';

/** See connect.ts. The limit on messages and the missing compression are those of the server. */
export function connect(options: CloudClientOptions): CloudClient {
  return connectWith({ WebSocket: NodeWebSocket, ...options });
}

class NodeWebSocket extends WebSocket {
  constructor(url: string, subprotocols: string[]) {
    super(url, subprotocols, { perMessageDeflate: false, maxPayload: 1024 * 1024 });
  }
}
