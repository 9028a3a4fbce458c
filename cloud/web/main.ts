/**
 * The dashboard: one connection to the cloud that served this page, one card per probe.
 *
 * A token for a protected cloud stands in the fragment of the address (`#token=…`), which browsers never send. What a
 * message means is in fleet.ts, what a card shows in card.ts; here they are put together.
 */

import { connect } from '../client/index.ts';
import { Page } from './page.ts';

const token = new URLSearchParams(location.hash.slice(1)).get('token');
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const client = connect({
  url: `${scheme}://${location.host}`,
  client: { name: 'dashboard', kind: 'page' },
  ...(token === null ? {} : { token }),
});
new Page(client, document).start();
