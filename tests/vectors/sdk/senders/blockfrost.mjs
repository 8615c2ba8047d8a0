// Blockfrost: a time and an HMAC. The body has the id of the request, which a retry keeps.
import { verifyWebhookSignature } from '@blockfrost/blockfrost-js';
import { timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const event = (id, type, created, payload) => ({ id, webhook_id: 'w1', created, api_version: 1, type, payload });

export default {
  name: 'blockfrost',
  source:
    'payload: made up, fields as in blockfrost.dev "Events overview"; signed with node crypto, verified with the SDK',
  secret: plain('blockfrost', 32),
  otherSecret: plain('blockfrost, another', 32),
  ...timed({ signature: 'Blockfrost-Signature', time: 't=', prefix: 'v1=', tolerance: 600 }),
  reserialized: '@blockfrost/blockfrost-js parses the body and writes it anew before it verifies',
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: keyed(1650013856, '47668401', event('47668401', 'block', 1650013856, { hash: 'f96a', slot: 61625527 }), {
      change: ['f96a', 'f96b'],
    }),
    second: keyed(1650013916, '47668402', event('47668402', 'block', 1650013916, { hash: 'f96a', slot: 61625527 })),
    others: [keyed(1650013976, '47668403', event('47668403', 'epoch', 1650013976, { current_epoch: 334 }))],
  },
  sdk: {
    name: `@blockfrost/blockfrost-js@${version('@blockfrost/blockfrost-js')} verifyWebhookSignature`,
    verify: ({ body, headers, secret }) => Boolean(verifyWebhookSignature(body, headers['Blockfrost-Signature'], secret)),
  },
};
