// Discourse: one HMAC over the body. The event is in a header that is not signed, and part of the key.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digest } from '../lib/messages.mjs';

const message = (at, event, value, more) => {
  const body = JSON.stringify(value);
  return { at, id: event, key: `${event};${digest(body)}`, body, ...more };
};

const signed = overBody({ signature: 'X-Discourse-Event-Signature', prefix: 'sha256=' });

export default described({
  name: 'discourse',
  by: 'discourse/discourse app/jobs/regular/emit_web_hook_event.rb',
  ...signed,
  sign: (delivery) => ({ 'X-Discourse-Event': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:X-Discourse-Event and the digest of the body',
  keyCovered: false,
  messages: {
    first: message(1717225200, 'topic_edited', { topic: { id: 5, title: 'Zoë', bumped_at: '2024-06-01T07:00:00Z' } }, { change: ['Zoë', 'Zoé'] }),
    second: message(1717225260, 'topic_edited', { topic: { id: 5, title: 'Zoë', bumped_at: '2024-06-01T07:01:00Z' } }),
    others: [message(1717225320, 'topic_destroyed', { topic: { id: 5, title: 'Zoë', bumped_at: '2024-06-01T07:00:00Z' } })],
  },
  cases: hexCases({ upper: false }),
});
