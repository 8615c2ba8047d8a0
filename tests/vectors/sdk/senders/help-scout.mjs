// Help Scout: one HMAC-SHA1 over the body in base64. The event is in a header that is not signed.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const conversation = (status, updated) => ({ id: 131938, number: 349, status, subject: 'Zoë', userUpdatedAt: updated });

export default described({
  name: 'help-scout',
  by: 'helpscout/helpscout-api-php src/Webhooks/IncomingWebhook.php',
  ...overBody({ signature: 'X-HelpScout-Signature', algorithm: 'sha1', encoding: 'base64' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, conversation('active', '2024-06-01T07:00:00Z'), { change: ['131938', '131939'] }),
    second: digested(1717225260, conversation('active', '2024-06-01T07:01:00Z')),
    others: [digested(1717225320, { id: 500, firstName: 'Zoë' })],
  },
});
