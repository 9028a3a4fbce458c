/** What whoever started a cloud can do with it. */

export interface Cloud {
  /** `http://127.0.0.1:8080`, or `https:`: the dashboard; the WebSocket has the same address with `ws:` or `wss:`. */
  readonly url: string;
  readonly port: number;
  /** Where MQTT is spoken by TCP; undefined when it is not. */
  readonly mqttPort: number | undefined;
  /** Who serves the sockets: `native`, or `ws` and why. */
  readonly sockets: string;
  /** The one token that clients may show; undefined when none is needed, or signed ones only. */
  readonly token: string | undefined;
  /**
   * Takes no more connections, so that /health says 503 and balancers choose another server, sends the clients that are
   * here away one by one over this time (4101), and closes. A `close` meanwhile cuts it short.
   */
  drain(overMs: number): Promise<void>;
  /** Clients now. */
  readonly connections: number;
  /** Its own metrics, whoever may ask. */
  metricsText(): Promise<string>;
  /** Leaves the port to other workers, or takes connections again. Clients that are here stay. */
  takeConnections(taking: boolean): Promise<void>;
  /** Sends a share of the clients away one by one over this time (4101): to other workers, which take connections. */
  shed(share: number, overMs: number): Promise<void>;
  /** Tells every client to come back later (4101), and resolves when all connections are gone. */
  close(): Promise<void>;
}
