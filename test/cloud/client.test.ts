/** The client keeps its promises in both subprotocols. */
import { clientContract } from '../contract/client.contract.ts';

clientContract('auto');
clientContract('json');
