// Taiga: one HMAC-SHA1 over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const event = (action, type, date, data) => ({ action, type, by: { id: 6 }, date, data });

export default described({
  name: 'taiga',
  by: 'taigaio/taiga-back taiga/webhooks/tasks.py',
  ...overBody({ signature: 'X-TAIGA-WEBHOOK-SIGNATURE', algorithm: 'sha1' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('change', 'issue', '2024-06-01T07:00:00Z', { id: 7, subject: 'Zoë' }), {
      change: ['"id":7', '"id":8'],
    }),
    second: digested(1717225260, event('change', 'issue', '2024-06-01T07:01:00Z', { id: 7, subject: 'Zoë' })),
    others: [digested(1717225320, event('delete', 'issue', '2024-06-01T07:02:00Z', { id: 7, subject: 'Zoë' }))],
  },
  cases: hexCases({ upper: false }),
});
