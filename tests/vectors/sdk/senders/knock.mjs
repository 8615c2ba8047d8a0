// Knock: a time in milliseconds and an HMAC in base64. The body has no event id.
import { described, timed, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const event = (type, created, data) => ({ __typename: 'Event', type, created_at: created, data, event_data: null });

export default described({
  name: 'knock',
  by: 'knocklabs/docs content/developer-tools/outbound-webhooks/overview.mdx',
  ...timed({ signature: 'x-knock-signature', time: 't=', prefix: 's=', ms: true, encoding: 'base64' }),
  ...withoutId,
  messages: {
    first: digested(1769879579, event('message.sent', '2026-01-31T17:12:59.958652Z', { id: 'm1', recipient: 'zoë' }), {
      change: ['"m1"', '"m2"'],
    }),
    second: digested(1769879639, event('message.sent', '2026-01-31T17:13:59.958652Z', { id: 'm1', recipient: 'zoë' })),
    others: [digested(1769879699, event('message.delivered', '2026-01-31T17:14:59.958652Z', { id: 'm1' }))],
  },
});
