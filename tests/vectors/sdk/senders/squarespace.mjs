// Squarespace: one HMAC over the body, with a secret in hexadecimal. The body has the notification's id.
import { described, mac } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';

const signature = 'Squarespace-Signature';
const event = (id, topic, data) => ({
  id,
  websiteId: '5f3c3d55ac435e1a051f77b3',
  subscriptionId: '5f3c2155d947844beedda991',
  topic,
  createdOn: '2024-06-01T06:59:59.000Z',
  data,
});
const order = { orderId: '5f3c3d55ac435e1a051f77b4', update: 'FULFILLED' };

export default described({
  name: 'squarespace',
  by: 'developers.squarespace.com/webhooks/verifying-notifications',
  scheme: `${signature}: hex(HMAC-SHA256(hex-decoded secret, body)); no timestamp`,
  secret: plain('squarespace', 64).toUpperCase(),
  otherSecret: plain('squarespace, another', 64).toUpperCase(),
  signature,
  sign: ({ secret, body }) => ({ [signature]: mac('sha256', Buffer.from(secret, 'hex'), body, 'hex') }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, '5c2ba184b63ed3cb411ce2b1', event('5c2ba184b63ed3cb411ce2b1', 'order.update', order), {
      change: ['FULFILLED', 'CANCELED'],
    }),
    second: keyed(1717225260, '5c2ba184b63ed3cb411ce2b2', event('5c2ba184b63ed3cb411ce2b2', 'order.update', order)),
    others: [keyed(1717225320, '5c2ba184b63ed3cb411ce2b3', event('5c2ba184b63ed3cb411ce2b3', 'extension.uninstall', {}))],
  },
  cases: hexCases({ upper: false }),
});
