/** Brokers: the interface and its implementations. */
export { type BackplaneOptions, openBackplane } from './backplane.ts';
export {
  type Broker,
  BrokerMessage,
  type Dedupe,
  type History,
  jsonPayload,
  type Position,
  type PublishOptions,
  publishJson,
  type SubscribeOptions,
  type Subscription,
  type TopicPublisher,
  topicPublisher,
} from './broker.ts';
export { copyBytes } from './copy-bytes.ts';
export { Journal, type JournalOptions } from './journal.ts';
export { LocalBroker, type LocalBrokerOptions } from './local.ts';
