// A released image meets an I2C part of our own: an accelerometer at the ADXL345's address that always lies on its side.
// Run it where earl-toolkit is installed, or in a clone after npm run build: node examples/own-i2c-device.mjs
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Board, loadImage } from 'earl-toolkit/emulator';

const image = loadImage(readFileSync(fileURLToPath(import.meta.resolve('earl-toolkit/images/arm.hex'))));
const board = new Board({ image });

const registers = new Uint8Array(64).fill(0xe5, 0, 1).fill(1, 0x33, 0x34); // DEVID; DATAX 256 counts, 1 g
let pointer = 0;
let fresh = false;
board.attachI2c({
  address: 0x53,
  start(read) {
    fresh = !read;
    return true; // acknowledged
  },
  write(byte) {
    if (fresh) pointer = byte;
    else registers[pointer++ & 63] = byte;
    fresh = false;
    return true;
  },
  read: () => registers[pointer++ & 63],
  stop: () => {},
});
board.tracer.add(({ t, addr, read }) => console.log(t.toFixed(4), 'i2c', addr.toString(16), read), ['i2c']);
board.runFor(1);
for (const name of ['P1.0', 'P1.6', 'P1.7', 'P2.1']) console.log(name, board.pin(name).level);
