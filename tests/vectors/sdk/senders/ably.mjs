// Ably, batched: one HMAC over the body, which has several items without ids.
import { described, overBody } from '../lib/described.mjs';
import { batch } from '../lib/messages.mjs';

const item = (source, serial, data) => ({ webhookId: 'ABcDEf', source, serial, timestamp: 1562124922426, name: source, data });
const wrapped = (items) => ({ items });
const signed = overBody({ signature: 'X-Ably-Signature', encoding: 'base64' });

export default described({
  name: 'ably',
  by: 'ably/docs src/pages/docs/platform/integrations/webhooks/index.mdx',
  ...signed,
  sign: (delivery) => ({ 'X-Ably-Key': 'appid.keyid', ...signed.sign(delivery) }),
  keyField: 'none (no event ids): the digest of each item',
  keyCovered: true,
  messages: {
    first: {
      ...batch(1562124922, [item('channel.message', 'a:4', { messages: ['Zoë'] }), item('channel.message', 'a:5', {})], wrapped),
      change: ['"a:4"', '"a:6"'],
    },
    second: batch(1562124982, [item('channel.message', 'a:6', { messages: ['Zoë'] })], wrapped),
    others: [batch(1562125042, [item('channel.presence', 'a:7', { presence: ['Zoë'] })], wrapped)],
  },
});
