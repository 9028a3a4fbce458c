export { type NativeLimits, type NativePeer, NativeSockets } from './native-sockets.ts';
