// Sinch, Conversation: the body, a nonce and a time in one HMAC. The body has no event id.
import { ConversationCallbackWebhooks } from '@sinch/conversation';
import { withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const header = 'x-sinch-webhook-signature';
const event = (time, more) => ({ app_id: '01E', project_id: 'p1', accepted_time: time, event_time: time, ...more });
const delivered = (status) => ({ message_delivery_report: { message_id: 'm1', status, metadata: 'Zoë' } });
const first = digested(1717225200, event('2024-06-01T07:00:00Z', delivered('DELIVERED')), { change: ['"m1"', '"m2"'] });

export default {
  name: 'sinch',
  scheme: `${header}: base64(HMAC-SHA256(secret, body + "." + ${header}-nonce + "." + ${header}-timestamp))`,
  source: 'payload: made up; signed with node crypto, verified with the SDK',
  ...withoutId,
  secret: plain('sinch', 32),
  otherSecret: plain('sinch, another', 32),
  signature: header,
  signed: { [`${header}-timestamp`]: String(first.at + 1), [`${header}-nonce`]: uuid('sinch, another nonce') },
  sign: ({ secret, at, body }) => {
    const nonce = uuid(`sinch nonce ${at}`);
    return {
      [`${header}-nonce`]: nonce,
      [`${header}-timestamp`]: String(at),
      [`${header}-algorithm`]: 'HmacSHA256',
      [header]: hmac(secret, `${body}.${nonce}.${at}`, 'base64'),
    };
  },
  messages: {
    first,
    second: digested(1717225260, event('2024-06-01T07:01:00Z', delivered('DELIVERED'))),
    others: [digested(1717225320, event('2024-06-01T07:00:00Z', delivered('READ')))],
  },
  sdk: {
    name: `@sinch/conversation@${version('@sinch/conversation')} ConversationCallbackWebhooks.validateAuthenticationHeader`,
    verify: ({ body, headers, secret }) =>
      new ConversationCallbackWebhooks(secret).validateAuthenticationHeader(headers, body, '/', 'POST'),
  },
};
