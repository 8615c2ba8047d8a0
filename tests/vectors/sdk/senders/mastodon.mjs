// Mastodon: one HMAC over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const message = (event, time, object) => ({ event, created_at: time, object });

export default described({
  name: 'mastodon',
  by: 'mastodon/mastodon app/workers/webhooks/delivery_worker.rb and app/serializers/rest/admin/webhook_event_serializer.rb',
  ...overBody({ signature: 'X-Hub-Signature', prefix: 'sha256=' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, message('account.updated', '2024-06-01T07:00:00.000Z', { id: '108', username: 'zoë' }), {
      change: ['"108"', '"109"'],
    }),
    second: digested(1717225260, message('account.updated', '2024-06-01T07:01:00.000Z', { id: '108', username: 'zoë' })),
    others: [digested(1717225320, message('report.created', '2024-06-01T07:02:00.000Z', { id: '1', comment: 'spam' }))],
  },
  cases: hexCases({ upper: false }),
});
