// Commerce Layer: one HMAC over the body. The topic is in a header that is not signed, and part of the key.
import { described, overBody } from '../lib/described.mjs';
import { digest } from '../lib/messages.mjs';

const signed = overBody({ signature: 'X-CommerceLayer-Signature', encoding: 'base64' });
const message = (at, topic, updated, more) => {
  const attributes = { number: '18346', status: 'placed', note: 'Zoë', updated_at: updated };
  const body = JSON.stringify({ data: { id: 'wBXVhKzrnq', type: 'orders', attributes } });
  return { at, id: topic, key: `${topic};${digest(body)}`, body, ...more };
};

export default described({
  name: 'commerce-layer',
  by: 'docs.commercelayer.io/core/callbacks-security and docs.commercelayer.io/developers/real-time-webhooks',
  ...signed,
  sign: (delivery) => ({ 'X-CommerceLayer-Topic': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:X-CommerceLayer-Topic and the digest of the body',
  keyCovered: false,
  messages: {
    first: message(1717225200, 'orders.place', '2024-06-01T07:00:00.000Z', { change: ['18346', '18347'] }),
    second: message(1717225260, 'orders.place', '2024-06-01T07:01:00.000Z'),
    // Two events of one change have one body.
    others: [message(1717225200, 'orders.tagged', '2024-06-01T07:00:00.000Z')],
  },
});
