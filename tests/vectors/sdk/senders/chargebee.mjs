// Chargebee: basic authentication, and no signature.
import { basicAuthValidator } from 'chargebee';
import { plain } from '../lib/secrets.mjs';
import { replaced } from '../lib/cases.mjs';
import { version } from '../lib/versions.mjs';

const message = (id, type, at, content) => ({
  at,
  key: id,
  body: JSON.stringify({
    id,
    occurred_at: at - 2,
    source: 'admin_console',
    user: 'zoë@example.com',
    object: 'event',
    api_version: 'v2',
    content,
    event_type: type,
    webhook_status: 'scheduled',
    webhooks: [{ id: 'wh_fkAs4Q0PQ0B1', object: 'webhook', webhook_status: 'scheduled' }],
  }),
  resource: { field: 'content', value: Object.values(content)[0].id },
  version: { field: 'occurred_at', kind: 'unix_s', value: String(at - 2) },
});

const subscription = (more) => ({
  subscription: { id: '16CQyGTJLEIvU1Ec', status: 'active', object: 'subscription', ...more },
});
const first = message(
  'ev_16CQyGTJLEJAF1Er',
  'subscription_changed',
  1690000000,
  subscription({ resource_version: 1690000000123 }),
);

export default {
  name: 'chargebee',
  scheme: 'Authorization: Basic base64(username:password); nothing is signed',
  source: 'payload: made up, fields as in chargebee types/resources/Event.d.ts; verified with the SDK',
  secret: `hooks:${plain('chargebee')}`,
  otherSecret: `hooks:${plain('chargebee, another')}`,
  signature: 'Authorization',
  signsBody: false,
  keyField: 'body:id',
  keyCovered: false,
  sign: ({ secret }) => ({ Authorization: `Basic ${Buffer.from(secret).toString('base64')}` }),
  messages: {
    first,
    second: message(
      'ev_16CQyGTJLEJAF1Es',
      'subscription_changed',
      1690000060,
      subscription({ resource_version: 1690000060123 }),
    ),
    others: [
      message('ev_16CQyGTJLEJAF1Et', 'invoice_generated', 1690000120, {
        invoice: { id: 'INV-1', status: 'paid', object: 'invoice' },
      }),
    ],
  },
  sdk: {
    name: `chargebee@${version('chargebee')} basicAuthValidator`,
    verify: ({ headers, secret }) => {
      const [, user, password] = secret.match(/^([^:]*):(.*)$/);
      return basicAuthValidator((u, p) => u === user && p === password)(headers).then(() => true);
    },
  },
  cases: () => [
    {
      name: 'body-changed',
      message: first,
      valid: true,
      body: (body) => replaced(body, 'ev_16CQyGTJLEJAF1Er', 'ev_16CQyGTJLEJAF1Eq'),
      reason: 'the id in the body was replaced: the credentials do not cover it',
      attack: 'the event id was replaced by the attacker',
      key: 'ev_16CQyGTJLEJAF1Eq',
    },
    {
      name: 'other-user',
      message: first,
      valid: false,
      signedWith: `other:${plain('chargebee')}`,
      reason: 'the right password of another user',
    },
    {
      name: 'scheme-in-lower-case',
      message: first,
      valid: true,
      policy_dependent: true,
      edit: { Authorization: (text) => text.replace('Basic', 'basic') },
      reason: 'RFC 9110, section 11.1: the name of the scheme is compared without regard to case',
      divergence: 'chargebee compares the name of the scheme exactly',
    },
    {
      name: 'scheme-other',
      message: first,
      valid: false,
      edit: { Authorization: (text) => text.replace('Basic', 'Bearer') },
      reason: 'the right credentials under another scheme',
    },
    {
      name: 'password-with-colon',
      message: first,
      valid: true,
      secret: 'hooks:pass:word',
      reason: 'the password has a colon: only the first one separates',
    },
  ],
};
