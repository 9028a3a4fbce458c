/** The bench: an image on the emulator, in this page and nowhere else. */

import { Bench } from './bench.ts';

void new Bench(document).start();
