// Increase: Standard Webhooks, with the text of the secret as the key. The body has the id of the event.
import { keyed } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const message = (at, id, category, object, more) => ({
  ...keyed(at, id, { id, category, associated_object_id: object, associated_object_type: 'zoë', type: 'event' }, more),
  id: `msg_${id}`,
});
const first = message(1717225200, 'event_1', 'transaction.created', 'transaction_1', { change: ['transaction_1', 'transaction_2'] });

export default {
  ...standard,
  name: 'increase',
  source: 'payload: made up, fields as in increase types/event.py; signed with node crypto, verified with the SDK for Python',
  secret: plain('increase'),
  otherSecret: plain('increase, another'),
  sign: signer((secret) => secret),
  signed: covered(first, 'msg_9'),
  keyField: 'body:id',
  messages: {
    first,
    second: message(1717225260, 'event_2', 'transaction.created', 'transaction_1'),
    others: [message(1717225320, 'event_3', 'account.created', 'account_1')],
  },
  cases: standardCases(),
};
