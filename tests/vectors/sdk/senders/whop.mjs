// Whop: Standard Webhooks, with the text of the secret as the key.
import { named } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const first = named(1717225200, 'msg_1', { type: 'payment.succeeded', data: { id: 'pay_1', note: 'Zoë' } }, {
  change: ['pay_1', 'pay_2'],
});

export default {
  ...standard,
  name: 'whop',
  source: 'payload: made up; signed with node crypto, verified with the SDK for Python',
  secret: plain('whop'),
  otherSecret: plain('whop, another'),
  sign: signer((secret) => secret),
  signed: covered(first, 'msg_9'),
  messages: {
    first,
    second: named(1717225260, 'msg_2', { type: 'payment.succeeded', data: { id: 'pay_1', note: 'Zoë' } }),
    others: [named(1717225320, 'msg_3', { type: 'membership.activated', data: { id: 'mem_1' } })],
  },
  cases: standardCases(),
};
