/** Brokers: the interface and its implementations. */
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
export { MemoryBroker, type MemoryBrokerOptions } from './memory.ts';
