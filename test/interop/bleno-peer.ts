/** A process with a bleno that echoes: node tools/run.mjs test/interop/bleno-peer.ts ADAPTER NAME. Ends with its stdin. */
import { openPeripheral } from '../../host/radio/index.ts';
import { serveEcho } from './noble-echo.ts';

const [adapter = 'auto', name = 'echo'] = process.argv.slice(2);
const peripheral = await openPeripheral(adapter);
await serveEcho(peripheral.bleno, name);
console.log('advertising');
process.stdin.resume();
await new Promise((resolve) => process.stdin.once('end', resolve));
await peripheral.close();
