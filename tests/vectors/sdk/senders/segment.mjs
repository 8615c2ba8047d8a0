// Segment: one HMAC-SHA1 over the body, which has the id of the message.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const message = (messageId, type, more) => ({ messageId, type, userId: 'zoë', timestamp: '2024-06-01T07:00:00.000Z', ...more });

export default described({
  name: 'segment',
  by: 'segmentio/segment-docs src/connections/destinations/catalog/webhooks/index.md',
  ...overBody({ signature: 'X-Signature', algorithm: 'sha1' }),
  keyField: 'body:messageId',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, 'ajs-1', message('ajs-1', 'track', { event: 'Order Completed' }), {
      change: ['Completed', 'Completet'],
    }),
    second: keyed(1717225260, 'ajs-2', message('ajs-2', 'track', { event: 'Order Completed' })),
    others: [keyed(1717225320, 'ajs-3', message('ajs-3', 'identify', { traits: {} }))],
  },
  cases: hexCases({ upper: false }),
});
