/** Probes by Web Bluetooth, without gateway and cloud. */

import { BlePage } from './page.ts';

void new BlePage(document).start();
