// BigCommerce: Standard Webhooks, with the text of the client secret as the key.
import { Webhook } from 'standardwebhooks';
import { named } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const event = (scope, id, hash) => ({ producer: 'stores/zoë', hash, created_at: 1688588419, store_id: '1001', scope, data: { type: 'order', id } });
const first = named(1688588419, 'msg_1', event('store/order/updated', 272, '0f1b'), { change: ['"id":272', '"id":273'] });

export default {
  ...standard,
  name: 'bigcommerce',
  source: 
    'payload: made up, fields as in bigcommerce/docs docs/integrations/webhooks/https-webhook-overview.mdx; signed with node crypto, verified with the library that it names',
  secret: plain('bigcommerce'),
  otherSecret: plain('bigcommerce, another'),
  sign: signer((secret) => secret),
  signed: covered(first, 'msg_9'),
  messages: {
    first,
    second: named(1688588479, 'msg_2', event('store/order/updated', 272, '0f1c')),
    others: [named(1688588539, 'msg_3', event('store/order/statusUpdated', 173331, '3f9e'))],
  },
  sdk: {
    name: `standardwebhooks@${version('standardwebhooks')} Webhook.verify`,
    verify: ({ body, headers, secret }) =>
      Boolean(new Webhook(Buffer.from(secret).toString('base64')).verify(body, headers)),
  },
  cases: standardCases(),
};
