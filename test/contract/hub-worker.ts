/**
 * A worker's broker in a process of its own, to be killed or stopped.
 *
 *     hub-worker.ts publish SOCKET    counts on the topic `k`, prints each number that was acknowledged
 *     hub-worker.ts watch SOCKET      prints a line when it has subscribed to `a/#`, and one about what came when it hears
 *                                     of a gap; when it gets the JSON "after", what it missed between
 */
import { writeSync } from 'node:fs';
import { HubBroker } from '../../cloud/broker/hub.ts';
import { publishJson } from '../../cloud/broker/index.ts';

const [, , mode, socket = ''] = process.argv;
const broker = await HubBroker.connect({ socket, secret: 'secret', worker: 1 });
// At once: what is in a buffer of this process would go with it.
const say = (value: unknown) => writeSync(1, `${JSON.stringify(value)}\n`);

if (mode === 'publish') {
  for (let first = 1; ; first += 20) {
    const window = Array.from({ length: 20 }, (_, index) => first + index);
    await Promise.all(window.map((number) => publishJson(broker, 'k', number)));
    say(window.at(-1));
  }
}

let last = 0;
let ordered = true;
let gapAfter = 0;
const { position } = await broker.subscribe(
  'a/#',
  (message) => {
    ordered &&= message.offset > last;
    last = message.offset;
    if (message.data !== 'after') return;
    void broker.read(['a/#'], { epoch: position.epoch, offset: gapAfter }, 100_000).then(({ messages, complete }) => {
      say({ complete, missed: messages.length, last: messages.at(-1)?.offset });
    });
  },
  {
    onGap: (reason) => {
      gapAfter = last;
      say({ reason, last, ordered });
    },
  },
);
say('subscribed');
