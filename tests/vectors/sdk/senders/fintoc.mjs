// Fintoc: a time and an HMAC. The body has the id of the event.
import { WebhookSignature } from 'fintoc';
import { timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const event = (id, type, data) => ({ id, object: 'event', type, data });

export default {
  name: 'fintoc',
  source: 'payload: made up, fields as in docs.fintoc.com "Event object"; signed with node crypto, verified with the SDK',
  secret: plain('fintoc', 32),
  otherSecret: plain('fintoc, another', 32),
  ...timed({ signature: 'Fintoc-Signature', time: 't=', prefix: 'v1=' }),
  future: 'refused',
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, 'evt_1', event('evt_1', 'payment_intent.succeeded', { id: 'pi_1', note: 'Zoë' }), {
      change: ['pi_1', 'pi_2'],
    }),
    second: keyed(1717225260, 'evt_2', event('evt_2', 'payment_intent.succeeded', { id: 'pi_1', note: 'Zoë' })),
    others: [keyed(1717225320, 'evt_3', event('evt_3', 'link.credentials_changed', { id: 'link_1' }))],
  },
  sdk: {
    name: `fintoc@${version('fintoc')} WebhookSignature.verifyHeader`,
    verify: ({ body, headers, secret }) => {
      WebhookSignature.verifyHeader(body, headers['Fintoc-Signature'], secret);
      return true;
    },
  },
};
