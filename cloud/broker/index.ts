/** Brokers: the interface and its implementations. */
export type { Broker, BrokerMessage, PublishOptions, Subscription } from './broker.ts';
export { MemoryBroker, type MemoryBrokerOptions } from './memory.ts';
