// Polar: Standard Webhooks. The HMAC's key is the text of the secret itself, not what its base64 stands for.
import { webhooks } from '@polar-sh/sdk/2026-10';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { plain, uuid, whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const customer = (name) => ({
  id: uuid('polar customer'),
  created_at: '2025-05-01T10:00:00Z',
  modified_at: '2025-05-01T10:00:00Z',
  metadata: {},
  external_id: 'zoë',
  email: 'zoe@example.com',
  email_verified: true,
  name,
  billing_address: null,
  tax_id: null,
  organization_id: uuid('polar organization'),
  deleted_at: null,
  avatar_url: 'https://example.com/zoe.png',
});

const message = (name, type, at, data) => {
  const id = uuid(`polar ${name}`);
  return {
    id,
    at,
    key: id,
    headers: { 'webhook-api-version': '2026-04' },
    body: JSON.stringify({ type, timestamp: new Date(at * 1000).toISOString(), data }),
    resource: { field: 'data.id', value: data.id },
    version: { field: 'timestamp', kind: 'rfc3339', value: new Date(at * 1000).toISOString() },
  };
};

const first = {
  ...message('first', 'customer.updated', 1746093600, customer('Zoë')),
  change: ['"name":"Zoë"', '"name":"Zoé"'],
};
const newer = whsec('polar, newer', 32);
const text = (secret) => Buffer.from(secret, 'utf8');

export default {
  ...standard,
  name: 'polar',
  scheme: `${standard.scheme}; key = the secret's own bytes (secrets made before the change), or base64-decoded after whsec_ (newer ones)`,
  source:
    'payload: made up, envelope as in polarsource/polar server/polar/webhook, the rest from memory; signed with node crypto, verified with the SDK',
  secret: `polar_whs_${plain('polar', 43)}`,
  otherSecret: `polar_whs_${plain('polar, another', 43)}`,
  sign: signer(text),
  signed: covered(first, uuid('polar forged')),
  messages: {
    first,
    second: message('second', 'customer.updated', 1746093660, customer('Zoë')),
    others: [message('deleted', 'customer.deleted', 1746093720, customer('Zoë'))],
  },
  sdk: {
    name: `@polar-sh/sdk@${version('@polar-sh/sdk')} webhooks.validateEvent`,
    verify: ({ body, headers, secret }) => webhooks.validateEvent(body, headers, secret).then(() => true),
  },
  cases: (sender) => [
    ...standardCases({ unpadded: 'the SDK decodes the signature and does not insist on the padding' })(sender),
    {
      name: 'newer-secret',
      message: first,
      valid: true,
      secret: newer,
      edit: {
        'webhook-signature': (_, delivery) => signer(whsecKey)({ ...delivery, secret: newer })['webhook-signature'],
      },
      reason: 'a newer secret: the key is what the base64 after whsec_ stands for',
    },
    {
      name: 'older-secret-with-whsec',
      message: first,
      valid: true,
      secret: newer,
      reason: 'an older secret that begins with whsec_: the key is the text, prefix and all',
    },
    {
      name: 'timestamp-with-fraction',
      message: first,
      valid: false,
      headers: { 'webhook-timestamp': `${first.at}.9` },
      reason: 'webhook-timestamp is not the text that was signed',
      divergence: 'the SDK signs the whole seconds of whatever number the header holds',
      crossDivergence: 'so does the one for Python',
    },
  ],
};
