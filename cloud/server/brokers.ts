/** The broker that a cloud's options ask for: an engine that several servers share, or one of its own. */

import { errorMessage } from '../../errors/index.ts';
import { type Broker, Journal, LocalBroker, openBackplane } from '../broker/index.ts';
import type { CloudOptions } from './options.ts';

/** Rejects with `BACKPLANE_BAD_URL` or `BACKPLANE_UNREACHABLE`. */
export function connectBackplane({ backplane = '', log = () => {} }: CloudOptions): Promise<Broker> {
  return openBackplane(backplane, {
    log,
    onSubscriberError: (error, { topic }) => log(`delivering a message on ${topic}: ${errorMessage(error)}`),
  });
}

/** In memory, or with `journal` on disk as well. */
export function ownBroker({ journal, log = () => {} }: CloudOptions): LocalBroker {
  return new LocalBroker({
    ...(journal && { journal: new Journal(journal) }),
    onFailed: (error) => log(`no messages are taken any more: ${errorMessage(error)}`),
    onSubscriberError: (error, { topic }) => log(`delivering a message on ${topic}: ${errorMessage(error)}`),
  });
}
