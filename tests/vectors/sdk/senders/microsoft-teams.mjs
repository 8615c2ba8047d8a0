// Microsoft Teams, outgoing webhooks: one HMAC over the body in the authorization header. The body has the message's id.
import { described, mac } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { whsec } from '../lib/secrets.mjs';

const base64 = (name) => whsec(name, 32).replace('whsec_', '');
const message = (id, type, text) => ({ type, id, timestamp: '2024-06-01T07:00:00.000Z', text, from: { name: 'Zoë' } });

export default described({
  name: 'microsoft-teams',
  by: 'MicrosoftDocs/msteams-docs add-outgoing-webhook.md',
  scheme: 'Authorization: HMAC base64(HMAC-SHA256(base64-decoded security token, body)); no timestamp',
  secret: base64('microsoft teams'),
  otherSecret: base64('microsoft teams, another'),
  signature: 'Authorization',
  keyField: 'body:id',
  keyCovered: true,
  sign: ({ secret, body }) => ({ Authorization: `HMAC ${mac('sha256', Buffer.from(secret, 'base64'), body, 'base64')}` }),
  messages: {
    first: keyed(1717225200, '1717225199001', message('1717225199001', 'message', '<at>Bot</at> hi'), {
      change: ['</at> hi', '</at> ho'],
    }),
    second: keyed(1717225260, '1717225259001', message('1717225259001', 'message', '<at>Bot</at> hi')),
    others: [keyed(1717225320, '1717225319001', message('1717225319001', 'message', '<at>Bot</at> bye'))],
  },
});
