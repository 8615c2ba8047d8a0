// Outline: a time in milliseconds and an HMAC. The body has the id of the delivery.
import { described, timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, name, payload, createdAt) => ({ id, actorId: 'a1', webhookSubscriptionId: 's1', createdAt, event: name, payload });

export default described({
  name: 'outline',
  by: 'outline/outline server/models/WebhookSubscription.ts and plugins/webhooks/server',
  ...timed({ signature: 'Outline-Signature', time: 't=', prefix: 's=', ms: true }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, 'w1', event('w1', 'documents.update', { id: 'd1', model: { title: 'Zoë' } }, '2024-06-01T07:00:00.000Z'), {
      change: ['"d1"', '"d2"'],
    }),
    second: keyed(1717225260, 'w2', event('w2', 'documents.update', { id: 'd1', model: { title: 'Zoë' } }, '2024-06-01T07:01:00.000Z')),
    others: [keyed(1717225320, 'w3', event('w3', 'documents.delete', { id: 'd1', model: null }, '2024-06-01T07:02:00.000Z'))],
  },
});
