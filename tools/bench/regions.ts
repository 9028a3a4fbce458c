/**
 * How long a message takes within and between regions over NATS: real nats-servers, the home and a leaf node, with a link
 * between them that takes a stated time each way.
 *
 *     node tools/run.mjs tools/bench/regions.ts [--delay 40] [--messages 200] [--json]
 */

import { parseArgs } from 'node:util';
import { build as buildHistogram } from 'hdr-histogram-js';
import { publishJson } from '../../cloud/broker/index.ts';
import { Regions } from '../../test/contract/regions.ts';

const { values: flags } = parseArgs({
  options: {
    delay: { type: 'string', default: '40' },
    messages: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
});
const delayMs = Number(flags.delay);
const messages = Number(flags.messages);
const pauseMs = 10;

const regions = await Regions.start();
try {
  const [eu, us] = [await regions.leaf('eu', delayMs), await regions.leaf('us', delayMs)];
  const brokers = {
    home: [await regions.connect(regions.home), await regions.connect(regions.home)],
    eu: [await regions.connect(eu), await regions.connect(eu)],
    us: [await regions.connect(us)],
  } as const;
  const ways = [
    ['home', brokers.home[0], 'home', brokers.home[1]],
    ['home', brokers.home[0], 'eu', brokers.eu[0]],
    ['eu', brokers.eu[0], 'home', brokers.home[0]],
    ['eu', brokers.eu[0], 'eu', brokers.eu[1]],
    ['eu', brokers.eu[0], 'us', brokers.us[0]],
  ] as const;
  for (const [published, publisher, delivered, subscriber] of ways) {
    const [delivery, acceptance] = [0, 1].map(() => buildHistogram({ numberOfSignificantValueDigits: 3 }));
    let arrived = (_data: unknown) => {};
    const topic = `latency/${published}/${delivered}`;
    const subscription = await subscriber.subscribe(topic, ({ data }) => arrived(data));
    for (let count = 0; count < messages; count++) {
      const sentAt = performance.now();
      const elapsed = () => Math.max(1, Math.round((performance.now() - sentAt) * 1000));
      const delivering = new Promise<void>((resolve) => {
        arrived = (data) => {
          if (data !== count) return;
          delivery!.recordValue(elapsed());
          resolve();
        };
      });
      await publishJson(publisher, topic, count);
      acceptance!.recordValue(elapsed());
      await delivering;
      // Under load a message waits for its batch besides.
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await subscription.unsubscribe();
    const ms = (histogram: typeof delivery, percentile: number) =>
      Math.round(histogram!.getValueAtPercentile(percentile) / 100) / 10;
    const row = {
      delay_ms: delayMs,
      published,
      delivered,
      delivered_p50_ms: ms(delivery, 50),
      delivered_p99_ms: ms(delivery, 99),
      accepted_p50_ms: ms(acceptance, 50),
      accepted_p99_ms: ms(acceptance, 99),
    };
    if (flags.json) console.log(JSON.stringify(row));
    else console.table([row]);
  }
} finally {
  await regions.stop();
}
