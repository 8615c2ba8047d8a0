// BoldSign: a time and up to two HMACs. The body has the id of the event.
import { timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';

const event = (id, eventType, created, data) => ({ event: { id, created, eventType, environment: 'Live' }, data });
const first = keyed(1717225200, 'e1', event('e1', 'Signed', 1717225199, { documentId: 'd1', title: 'Zoë' }), {
  change: ['"d1"', '"d2"'],
});

export default {
  name: 'boldsign',
  source: 'payload: made up, fields as in boldsign models; signed with node crypto, verified with the SDK for Python',
  secret: plain('boldsign', 32),
  otherSecret: plain('boldsign, another', 32),
  ...timed({ signature: 'X-BoldSign-Signature', time: 't=', prefix: 's0=' }),
  future: 'refused',
  keyField: 'body:event.id',
  keyCovered: true,
  messages: {
    first,
    second: keyed(1717225260, 'e2', event('e2', 'Signed', 1717225259, { documentId: 'd1', title: 'Zoë' })),
    others: [keyed(1717225320, 'e3', event('e3', 'Completed', 1717225319, { documentId: 'd1', title: 'Zoë' }))],
  },
  cases: ({ otherSecret }) => [
    {
      name: 'rotation-ours-first',
      message: first,
      valid: true,
      edit: {
        'X-BoldSign-Signature': (ours, { at, body }) => `${ours}, s1=${hmac(otherSecret, `${at}.${body}`, 'hex')}`,
      },
      reason: 'signed with two secrets, the first is ours',
    },
  ],
};
