/** Brokers: the interface and its implementations. */
export { type BackplaneOptions, openBackplane } from './backplane.ts';
export {
  type Broker,
  BrokerMessage,
  type History,
  jsonPayload,
  type Position,
  type PublishOptions,
  publishJson,
  type SubscribeOptions,
  type Subscription,
} from './broker.ts';
export { Journal, type JournalOptions } from './journal.ts';
export { LocalBroker, type LocalBrokerOptions } from './local.ts';
