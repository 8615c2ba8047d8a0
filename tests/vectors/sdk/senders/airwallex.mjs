// Airwallex: a time in milliseconds and the body in one HMAC.
import { described, mac } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, name, data) => ({ id, name, account_id: 'acct_1', data: { object: data } });
const first = keyed(1717225200, 'evt_1', event('evt_1', 'payment_intent.succeeded', { id: 'int_1', note: 'Zoë' }), {
  change: ['int_1', 'int_2'],
});

export default described({
  name: 'airwallex',
  by: 'airwallex.com/docs "Webhooks overview" and "Code examples"',
  scheme: 'x-signature: hex(HMAC-SHA256(secret, x-timestamp + body)), nothing in between; x-timestamp in milliseconds',
  signature: 'x-signature',
  signed: { 'x-timestamp': String((first.at + 1) * 1000) },
  sign: ({ secret, at, body }) => ({
    'x-timestamp': String(at * 1000),
    'x-signature': mac('sha256', secret, `${at * 1000}${body}`, 'hex'),
  }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first,
    second: keyed(1717225260, 'evt_2', event('evt_2', 'payment_intent.succeeded', { id: 'int_1', note: 'Zoë' })),
    others: [keyed(1717225320, 'evt_3', event('evt_3', 'refund.settled', { id: 'rfd_1' }))],
  },
});
