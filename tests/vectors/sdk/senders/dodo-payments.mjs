// Dodo Payments: Standard Webhooks; the body has no event id.
import DodoPayments from 'dodopayments';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new DodoPayments({ bearerToken: 'unused' });

const message = (id, at, type, data, value) => {
  const time = new Date(at * 1000).toISOString();
  return {
    id,
    at,
    key: id,
    body: JSON.stringify({ business_id: 'bus_P3SXLi0MnIYfLqlWr3xKs', type, timestamp: time, data }),
    resource: { field: `data.${Object.keys(data)[1]}`, value },
    version: { field: 'timestamp', kind: 'rfc3339', value: time },
  };
};

const payment = {
  payload_type: 'Payment',
  payment_id: 'pay_2IjeQm4hqU6RA4Z4kwDee',
  status: 'succeeded',
  total_amount: 400,
  currency: 'USD',
  customer: { name: 'Zoë' },
};
const first = {
  ...message('msg_2vYpQmTqM0Rk2w8t6Xg1Lc5DdAa', 1754000000, 'payment.succeeded', payment, payment.payment_id),
  change: ['"total_amount":400', '"total_amount":401'],
};

export default {
  ...standard,
  name: 'dodo-payments',
  source:
    'payload: made up, fields as in dodopayments resources/webhooks/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: whsec('dodo payments'),
  otherSecret: whsec('dodo payments, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_2vYpQmTqM0Rk2w8t6Xg1Lc5DdZz'),
  messages: {
    first,
    second: message('msg_2vYpQmTqM0Rk2w8t6Xg1Lc5DdAb', 1754000060, 'payment.succeeded', payment, payment.payment_id),
    others: [
      message(
        'msg_2vYpQmTqM0Rk2w8t6Xg1Lc5DdAc',
        1754000120,
        'subscription.renewed',
        { payload_type: 'Subscription', subscription_id: 'sub_7Ee3dAGTxxJlhW6sVTkUd' },
        'sub_7Ee3dAGTxxJlhW6sVTkUd',
      ),
    ],
  },
  sdk: {
    name: `dodopayments@${version('dodopayments')} webhooks.unwrap`,
    verify: ({ body, headers, secret }) => Boolean(client.webhooks.unwrap(body, { headers, key: secret })),
  },
  cases: standardCases(),
};
