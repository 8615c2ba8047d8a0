// Anthropic: Standard Webhooks. The body's id is the one to compare.
import Anthropic from '@anthropic-ai/sdk';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new Anthropic({ apiKey: 'unused' });

const message = (number, at, data) => {
  const created = new Date(at * 1000).toISOString();
  const id = `event_011CZkZFNu9hAbo1jZPRgT${number}`;
  return {
    id: `msg_2mHdNVX3sYbAeiM3kP0mXTeRk${number}`,
    at,
    key: id,
    body: JSON.stringify({
      id,
      type: 'event',
      created_at: created,
      data: {
        organization_id: '3a2d3a0c-5b5a-4a4e-9e0e-6c1c0b7a4f11',
        workspace_id: 'wrkspc_011CZkZFNu9hAbo1jZPRgTzL',
        ...data,
      },
    }),
    resource: { field: 'data.id', value: data.id },
    version: { field: 'created_at', kind: 'rfc3339', value: created },
  };
};

const session = 'sesn_011CZkZFNu9hAbo1jZPRgTxQ';
const first = {
  ...message('aa', 1767225600, { id: session, type: 'session.idled' }),
  change: ['session.idled', 'session.idlee'],
};

export default {
  ...standard,
  name: 'anthropic',
  keyField: 'body:id',
  source:
    'payload: made up, fields as in @anthropic-ai/sdk resources/beta/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: whsec('anthropic', 32),
  otherSecret: whsec('anthropic, another', 32),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_2mHdNVX3sYbAeiM3kP0mXTeRkzz'),
  messages: {
    first,
    second: message('ab', 1767225660, { id: session, type: 'session.idled' }),
    others: [message('ac', 1767225720, { id: 'depl_011CZkZFNu9hAbo1jZPRgTzQ', type: 'deployment_run.failed' })],
  },
  sdk: {
    name: `@anthropic-ai/sdk@${version('@anthropic-ai/sdk')} beta.webhooks.unwrap`,
    verify: ({ body, headers, secret }) => Boolean(client.beta.webhooks.unwrap(body, { headers, key: secret })),
  },
  cases: standardCases(),
};
