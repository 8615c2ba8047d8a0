// Creem: one HMAC over the body, which has the id of the event.
import { verifyWebhookSignature } from 'creem/webhooks.js';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const event = (id, eventType, created, object) => ({ id, eventType, created_at: created, object });

export default {
  name: 'creem',
  scheme: 'creem-signature: hex(HMAC-SHA256(secret, body)); no timestamp',
  source: 'payload: made up, fields as in docs.creem.io/code/webhooks; signed with node crypto, verified with the SDK',
  secret: plain('creem', 32),
  otherSecret: plain('creem, another', 32),
  signature: 'creem-signature',
  keyField: 'body:id',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'creem-signature': hmac(secret, body, 'hex') }),
  messages: {
    first: keyed(1717225200, 'evt_1', event('evt_1', 'subscription.paid', 1717225199000, { id: 'sub_1', note: 'Zoë' }), {
      change: ['sub_1', 'sub_2'],
    }),
    second: keyed(1717225260, 'evt_2', event('evt_2', 'subscription.paid', 1717225259000, { id: 'sub_1', note: 'Zoë' })),
    others: [keyed(1717225320, 'evt_3', event('evt_3', 'checkout.completed', 1717225319000, { id: 'ch_1' }))],
  },
  sdk: {
    name: `creem@${version('creem')} verifyWebhookSignature`,
    verify: ({ body, headers, secret }) => verifyWebhookSignature(body, headers, secret),
  },
  cases: hexCases(),
};
