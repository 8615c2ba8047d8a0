// Lithic: Standard Webhooks; the body has no event id.
import Lithic from 'lithic';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { uuid, whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new Lithic({ apiKey: 'unused' });
const card = uuid('lithic card');

const message = (id, type, at, more, resource) => ({
  id,
  at,
  key: id,
  body: JSON.stringify({ event_type: type, ...more }),
  resource,
});

const field = { field: 'card_token', value: card };
const first = {
  ...message('msg_2VuK1cZ7hPq3sT9xWbN5mRfYdGj', 'card.created', 1704067200, { card_token: card }, field),
  change: ['card.created', 'card.creates'],
};

export default {
  ...standard,
  name: 'lithic',
  source:
    'payload: made up, fields as in lithic resources/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: whsec('lithic'),
  otherSecret: whsec('lithic, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_2VuK1cZ7hPq3sT9xWbN5mRfYdGk'),
  messages: {
    first,
    second: message('msg_2VuK1cZ7hPq3sT9xWbN5mRfYdGl', 'card.created', 1704067260, { card_token: card }, field),
    others: [
      message(
        'msg_2VuK1cZ7hPq3sT9xWbN5mRfYdGm',
        'card.shipped',
        1704067320,
        { card_token: card, bulk_order_token: null, shipping_method: 'USPS with tracking', tracking_number: 'Zoë-1' },
        field,
      ),
    ],
  },
  sdk: {
    name: `lithic@${version('lithic')} webhooks.verifySignature`,
    verify: ({ body, headers, secret }) => {
      client.webhooks.verifySignature(body, headers, secret);
      return true;
    },
  },
  cases: standardCases(),
};
