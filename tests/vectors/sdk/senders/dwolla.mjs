// Dwolla: one HMAC over the body, which has the event's id.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const transfer = uuid('dwolla transfer');
const event = (id, topic, timestamp) => ({
  _links: { resource: { href: `https://api.dwolla.com/transfers/${transfer}` } },
  created: timestamp,
  id,
  resourceId: transfer,
  timestamp,
  topic,
});
const message = (at, name, topic, more) => {
  const id = uuid(`dwolla ${name}`);
  return keyed(at, id, event(id, topic, '2024-06-01T07:00:00.000Z'), more);
};

export default described({
  name: 'dwolla',
  by: 'developers.dwolla.com/docs/balance/webhooks and /docs/api-reference/webhook-subscriptions',
  ...overBody({ signature: 'X-Request-Signature-SHA-256' }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: message(1717225200, '1', 'transfer_completed', { change: ['transfer_completed', 'transfer_cancelled'] }),
    second: message(1717225260, '2', 'transfer_completed'),
    others: [message(1717225320, '3', 'customer_verified')],
  },
  cases: hexCases({ upper: false }),
});
