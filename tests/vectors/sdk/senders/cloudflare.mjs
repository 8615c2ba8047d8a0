// Cloudflare: the secret in a header. Nothing is signed, and the body has no event id.
import { described, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

export default described({
  name: 'cloudflare',
  by: 'cloudflare/cloudflare-docs src/content/docs/notifications/get-started/configure-webhooks.mdx',
  scheme: 'cf-webhook-auth: the secret; nothing is signed',
  ...withoutId,
  keyCovered: false,
  signature: 'cf-webhook-auth',
  signsBody: false,
  sign: ({ secret }) => ({ 'cf-webhook-auth': secret }),
  messages: {
    first: digested(1717225200, { text: 'Passive origin monitoring for Zoë', ts: 1717225199 }),
    second: digested(1717225260, { text: 'Passive origin monitoring for Zoë', ts: 1717225259 }),
    others: [digested(1717225320, { text: 'Hello World! This is a test message sent from https://cloudflare.com.' })],
  },
});
