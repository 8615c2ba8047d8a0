// Airtable: one HMAC over the body, with a secret in base64. A notification has no id and no changes.
import { described, mac, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';
import { whsec } from '../lib/secrets.mjs';

const base64 = (name) => whsec(name, 32).replace('whsec_', '');
const ping = (webhook, timestamp) => ({ base: { id: 'app00000000000000' }, webhook: { id: webhook }, timestamp });
const signature = 'X-Airtable-Content-MAC';
const prefix = 'hmac-sha256=';

export default described({
  name: 'airtable',
  by: 'airtable.com/developers/web/api/webhooks-overview',
  scheme: `${signature}: ${prefix}hex(HMAC-SHA256(base64-decoded macSecretBase64, body)); no timestamp`,
  secret: base64('airtable'),
  otherSecret: base64('airtable, another'),
  signature,
  prefix,
  ...withoutId,
  sign: ({ secret, body }) => ({ [signature]: prefix + mac('sha256', Buffer.from(secret, 'base64'), body, 'hex') }),
  messages: {
    first: digested(1717225200, ping('ach00000000000001', '2024-06-01T07:00:00.000Z'), { change: ['07:00', '07:09'] }),
    second: digested(1717225260, ping('ach00000000000001', '2024-06-01T07:01:00.000Z')),
    others: [digested(1717225320, ping('ach00000000000002', '2024-06-01T07:00:00.000Z'))],
  },
  cases: hexCases({ upper: false }),
});
