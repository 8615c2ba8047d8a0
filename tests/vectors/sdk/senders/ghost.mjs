// Ghost: the body and a time in milliseconds in one HMAC. The body has no event id.
import { described, mac, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const post = (title, updated) => ({ post: { current: { id: 'p1', title, updated_at: updated }, previous: {} } });

export default described({
  name: 'ghost',
  by: 'TryGhost/Ghost ghost/core/core/server/services/webhooks/webhook-trigger.js',
  scheme: 'X-Ghost-Signature: sha256=hex(HMAC-SHA256(secret, body + t)), nothing in between, t=<milliseconds>',
  ...withoutId,
  signature: 'X-Ghost-Signature',
  tolerance: 300,
  sign: ({ secret, at, body }) => ({
    'X-Ghost-Signature': `sha256=${mac('sha256', secret, `${body}${at * 1000}`, 'hex')}, t=${at * 1000}`,
  }),
  messages: {
    first: digested(1717225200, post('Zoë', '2024-06-01T07:00:00.000Z'), { change: ['"p1"', '"p2"'] }),
    second: digested(1717225260, post('Zoë', '2024-06-01T07:01:00.000Z')),
    others: [digested(1717225320, { member: { current: { id: 'm1', name: 'Zoë' }, previous: {} } })],
  },
});
