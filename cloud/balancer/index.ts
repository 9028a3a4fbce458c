/** Configurations of balancers in front of several servers (`earl balancer`). */
export { haproxyConfiguration } from './haproxy.ts';
export { nginxConfiguration } from './nginx.ts';
export { type BalancerWishes, type CloudTimes, planTopology, type Topology } from './topology.ts';
