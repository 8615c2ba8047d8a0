// Supabase Auth hooks: Standard Webhooks with a new webhook-id for every attempt, so the key is metadata.uuid.
import { Webhook } from 'standardwebhooks';
import { covered, standard, standardCases } from '../lib/standard.mjs';
import { uuid, whsec } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const library = (secret) => new Webhook(secret.replace(/^v1,/, ''));

const message = (name, hook, at, more) => {
  const key = uuid(`supabase ${name}`);
  const metadata = { uuid: key, time: new Date(at * 1000).toISOString(), name: hook, ip_address: '203.0.113.7' };
  return { id: uuid(`supabase ${name}, attempt 1`), at, key, body: JSON.stringify({ metadata, ...more }) };
};

const user = {
  id: '8ccaa7af-909f-44e7-84cb-67cdccb56be6',
  aud: 'authenticated',
  role: '',
  email: 'zoë@example.com',
  phone: '',
  app_metadata: { provider: 'email', providers: ['email'] },
  user_metadata: {},
  identities: [],
  is_anonymous: false,
};

const first = {
  ...message('first', 'before-user-created', 1753200000, { user }),
  change: ['"email":"zoë@', '"email":"zoé@'],
};

export default {
  ...standard,
  name: 'supabase',
  scheme: `${standard.scheme}; Supabase separates two signatures with ", " and makes a new webhook-id for every attempt`,
  source:
    'payload: made up, fields as in supabase/auth internal/hooks/v0hooks/v0hooks.go; signed and verified with the library of Standard Webhooks, whose Go form Supabase signs with',
  secret: `v1,${whsec('supabase', 32)}`,
  otherSecret: `v1,${whsec('supabase, another', 32)}`,
  keyField: 'body:metadata.uuid',
  sign: ({ secret, id, at, body }) => ({
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': library(secret).sign(id, new Date(at * 1000), body),
  }),
  signed: covered(first, uuid('supabase, forged')),
  retry: {
    id: uuid('supabase first, attempt 2'),
    later: 2,
    reason: 'a retry two seconds later: the same metadata.uuid under a new webhook-id',
  },
  messages: {
    first,
    second: message('second', 'before-user-created', 1753200060, { user }),
    others: [
      message('mail', 'send-email', 1753200120, {
        user,
        email_data: {
          token: '305805',
          token_hash: '7d5b7b1964cf5d388340a7f04f1dbb5eeb6c7b52ef8270e1737a58d0',
          redirect_to: 'https://example.com/',
          email_action_type: 'signup',
          site_url: 'https://example.com',
          token_new: '',
          token_hash_new: '',
        },
      }),
      message('token', 'customize-access-token', 1753200180, {
        user_id: user.id,
        claims: { aud: 'authenticated', sub: user.id, exp: 1753203780, iat: 1753200180, role: 'authenticated' },
        authentication_method: 'password',
      }),
    ],
  },
  sdk: {
    name: `standardwebhooks@${version('standardwebhooks')} Webhook.verify`,
    verify: ({ body, headers, secret }) => library(secret).verify(body, headers) && true,
  },
  cases: standardCases({
    separator: ', ',
    separatorCross: 'the library for Python fails on the comma that Supabase puts behind each signature but the last',
  }),
};
