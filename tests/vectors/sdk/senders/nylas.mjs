// Nylas, version 3: one HMAC over the body, which has the notification's id and counts its attempts.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const message = (at, name, type, more) => {
  const id = uuid(`nylas ${name}`);
  const object = { grant_id: uuid('nylas grant'), id: 'm1', object: 'message', subject: 'Grüße' };
  const event = { specversion: '1.0', type, source: '/google/emails/realtime', id, time: at, webhook_delivery_attempt: 1, data: { object } };
  return keyed(at, id, event, more);
};

export default described({
  name: 'nylas',
  by: 'developer.nylas.com/docs/v3/notifications, and as receivers read it',
  ...overBody({ signature: 'X-Nylas-Signature' }),
  keyField: 'body:id',
  keyCovered: true,
  retry: {
    later: 1200,
    retried: (body) => body.replace('"webhook_delivery_attempt":1', '"webhook_delivery_attempt":2'),
    reason: 'a retry that counts itself: the same key',
  },
  messages: {
    first: message(1717225200, '1', 'message.created', { change: ['"m1"', '"m2"'] }),
    second: message(1717225260, '2', 'message.created'),
    others: [message(1717225320, '3', 'grant.expired')],
  },
  cases: hexCases({ upper: false }),
});
