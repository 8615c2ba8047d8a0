// Customer.io, reporting webhooks: a version, a time and the body in one HMAC. The body has the event's id.
import { described, mac } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, metric) => ({
  event_id: id,
  metric,
  object_type: 'email',
  timestamp: 1717225199,
  data: { identifiers: { id: 'zoë' }, delivery_id: 'dlv_1' },
});
const first = keyed(1717225200, '01E4C4CT6YDC7Y5M7FE1GWWPQJ', event('01E4C4CT6YDC7Y5M7FE1GWWPQJ', 'opened'), {
  change: ['dlv_1', 'dlv_2'],
});

export default described({
  name: 'customer-io',
  by: 'docs.customer.io/integrations/api/webhooks',
  scheme: 'X-CIO-Signature: hex(HMAC-SHA256(signing key, "v0:" + X-CIO-Timestamp + ":" + body))',
  signature: 'X-CIO-Signature',
  signed: { 'X-CIO-Timestamp': String(first.at + 1) },
  sign: ({ secret, at, body }) => ({
    'X-CIO-Timestamp': String(at),
    'X-CIO-Signature': mac('sha256', secret, `v0:${at}:${body}`, 'hex'),
  }),
  keyField: 'body:event_id',
  keyCovered: true,
  messages: {
    first,
    second: keyed(1717225260, '01E4C4CT6YDC7Y5M7FE1GWWPQK', event('01E4C4CT6YDC7Y5M7FE1GWWPQK', 'opened')),
    others: [keyed(1717225320, '01E4C4CT6YDC7Y5M7FE1GWWPQM', event('01E4C4CT6YDC7Y5M7FE1GWWPQM', 'clicked'))],
  },
});
