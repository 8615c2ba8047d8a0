// Nango: one HMAC over the body, which has no event id.
import { Nango } from '@nangohq/node';
import { withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const sync = (type, modifiedAfter, more) => ({ type, connectionId: 'zoë', syncName: 'contacts', modifiedAfter, ...more });

export default {
  name: 'nango',
  scheme: 'X-Nango-Hmac-Sha256: hex(HMAC-SHA256(signing key, body)); no timestamp',
  source: 'payload: made up, fields as in NangoHQ/nango docs "Webhooks from Nango"; signed with node crypto, verified with the SDK',
  ...withoutId,
  secret: plain('nango', 32),
  otherSecret: plain('nango, another', 32),
  signature: 'X-Nango-Hmac-Sha256',
  sign: ({ secret, body }) => ({ 'X-Nango-Hmac-Sha256': hmac(secret, body, 'hex') }),
  messages: {
    first: digested(1717225200, sync('sync', '2024-06-01T07:00:00.000Z', { success: true }), { change: ['contacts', 'contactz'] }),
    second: digested(1717225260, sync('sync', '2024-06-01T07:01:00.000Z', { success: true })),
    others: [digested(1717225320, { type: 'auth', operation: 'creation', connectionId: 'zoë', success: true })],
  },
  sdk: {
    name: `@nangohq/node@${version('@nangohq/node')} verifyIncomingWebhookRequest`,
    verify: ({ body, headers, secret }) =>
      new Nango({ secretKey: 'unused', webhookSigningKey: secret }).verifyIncomingWebhookRequest(body, headers),
  },
  cases: hexCases(),
};
