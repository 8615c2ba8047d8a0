// Modern Treasury: one HMAC over the body.
import ModernTreasury from 'modern-treasury';
import { hexCases } from '../lib/hex.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new ModernTreasury({ apiKey: 'unused', organizationID: 'unused' });

const message = (event, object, at, more) => {
  const updated = new Date(at * 1000).toISOString();
  const data = {
    id: uuid(`modern treasury ${object}`),
    object,
    live_mode: true,
    created_at: '2024-01-01T00:00:00Z',
    updated_at: updated,
    ...more,
  };
  return {
    at: at + 1,
    keyFields: { event, 'data.id': data.id, 'data.updated_at': updated },
    body: JSON.stringify({ event, data }),
    resource: { field: 'data.id', value: data.id },
    version: { field: 'data.updated_at', kind: 'rfc3339', value: updated },
  };
};

const first = {
  ...message('updated', 'payment_order', 1704070000, { amount: 1000, description: 'for Zoë' }),
  change: ['"amount":1000', '"amount":1001'],
};

export default {
  name: 'modern-treasury',
  scheme: 'X-Signature: hex(HMAC-SHA256(webhook key, body)); no timestamp',
  source: 'payload: made up, fields from memory; signed and verified with the SDK',
  secret: plain('modern treasury', 40),
  otherSecret: plain('modern treasury, another', 40),
  signature: 'X-Signature',
  keyField: 'unknown (no id in the body): event, data.id and data.updated_at, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'X-Signature': client.webhooks.getSignature(body, { key: secret }) }),
  messages: {
    first,
    second: message('updated', 'payment_order', 1704070060, { amount: 1000, description: 'for Zoë' }),
    others: [message('completed', 'expected_payment', 1704070120, { amount_lower_bound: 500 })],
  },
  sdk: {
    name: `modern-treasury@${version('modern-treasury')} webhooks.validateSignature`,
    verify: ({ body, headers, secret }) => client.webhooks.validateSignature(body, headers, { key: secret }),
  },
  cases: hexCases({ upper: false }),
};
