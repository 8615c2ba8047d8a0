// Appwrite: one HMAC-SHA1 over the URL and the body. The event is in a header that is not signed, and part of the key.
import { described, mac } from '../lib/described.mjs';
import { digest } from '../lib/messages.mjs';

const message = (at, event, value, more) => {
  const body = JSON.stringify(value);
  return { at, id: event, key: `${event};${digest(body)}`, body, ...more };
};

const url = 'https://example.com/hooks?from=appwrite';

export default described({
  name: 'appwrite',
  by: 'appwrite/appwrite src/Appwrite/Platform/Workers/Webhooks.php',
  scheme: 'X-Appwrite-Webhook-Signature: base64(HMAC-SHA1(key, URL + body)), nothing in between; no timestamp',
  signature: 'X-Appwrite-Webhook-Signature',
  url,
  sign: ({ secret, id, body }) => ({
    'X-Appwrite-Webhook-Events': id,
    'X-Appwrite-Webhook-Signature': mac('sha1', secret, `${url}${body}`, 'base64'),
  }),
  keyField: 'header:X-Appwrite-Webhook-Events and the digest of the body',
  keyCovered: false,
  messages: {
    first: message(1717225200, 'databases.d.collections.c.documents.x.update', { $id: 'x', $updatedAt: '2024-06-01T07:00:00.000+00:00', name: 'Zoë' }, { change: ['Zoë', 'Zoé'] }),
    second: message(1717225260, 'databases.d.collections.c.documents.x.update', { $id: 'x', $updatedAt: '2024-06-01T07:01:00.000+00:00', name: 'Zoë' }),
    others: [message(1717225320, 'databases.d.collections.c.documents.x.delete', { $id: 'x', $updatedAt: '2024-06-01T07:00:00.000+00:00', name: 'Zoë' })],
  },
  cases: ({ messages: { first } }) => [
    { name: 'another-url', message: first, valid: false, url: 'https://example.com/hooks', reason: 'signed for another URL' },
  ],
});
