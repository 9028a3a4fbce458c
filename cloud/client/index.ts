/** The client for browsers, and for any platform that has a WebSocket or is given one. Imports nothing of Node's. */
export type {
  CloudClient,
  CloudClientOptions,
  CommandCall,
  OnPresence,
  Presence,
  PublishOptions,
  QueueState,
  SubscribeOptions,
} from './client.ts';
export { connect } from './connect.ts';
