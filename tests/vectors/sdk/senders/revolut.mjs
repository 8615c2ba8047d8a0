// Revolut: a version, a time in milliseconds and the body in one HMAC. The body has no event id.
import { described, mac, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const moved = (id, state, timestamp) => ({ data: { id, new_state: state, old_state: 'pending' }, event: 'TransactionStateChanged', timestamp });
const first = digested(1683650202, moved('645a7696', 'completed', '2023-05-09T16:36:38.028960Z'), {
  change: ['645a7696', '645a7697'],
});
const sign = ({ secret, at, body }) => ({
  'Revolut-Request-Timestamp': String(at * 1000),
  'Revolut-Signature': `v1=${mac('sha256', secret, `v1.${at * 1000}.${body}`, 'hex')}`,
});
const other = (delivery, otherSecret) => sign({ ...delivery, secret: otherSecret })['Revolut-Signature'];

export default described({
  name: 'revolut',
  by: 'developer.revolut.com "Verify the payload signature"',
  scheme: 'Revolut-Signature: v1=hex(HMAC-SHA256(secret, "v1." + Revolut-Request-Timestamp + "." + body)), a list separated by commas',
  ...withoutId,
  signature: 'Revolut-Signature',
  tolerance: 300,
  signed: { 'Revolut-Request-Timestamp': String((first.at + 1) * 1000) },
  sign,
  messages: {
    first,
    second: digested(1683650262, moved('645a7696', 'completed', '2023-05-09T16:37:38.028960Z')),
    others: [digested(1683650322, { event: 'ORDER_COMPLETED', order_id: '9fc01989', merchant_order_ext_ref: 'Zoë' })],
  },
  cases: ({ otherSecret }) => [
    {
      name: 'rotation-ours-last',
      message: first,
      valid: true,
      edit: { 'Revolut-Signature': (ours, delivery) => `${other(delivery, otherSecret)},${ours}` },
      reason: 'signed with two secrets, the last is ours',
    },
  ],
});
