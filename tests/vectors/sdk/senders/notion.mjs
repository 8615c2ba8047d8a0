// Notion: one HMAC over the body. attempt_number makes the body of each attempt another one.
import { signWebhookPayload, verifyWebhookSignature } from '@notionhq/client';
import { replaced } from '../lib/cases.mjs';
import { hexCases } from '../lib/hex.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const page = uuid('notion page');

const message = (name, type, at, more) => {
  const id = uuid(`notion ${name}`);
  const body = JSON.stringify({
    id,
    timestamp: new Date(at * 1000).toISOString(),
    workspace_id: uuid('notion workspace'),
    workspace_name: 'Zoë’s Workspace',
    subscription_id: uuid('notion subscription'),
    integration_id: uuid('notion integration'),
    authors: [{ id: uuid('notion author'), type: 'person' }],
    attempt_number: 1,
    api_version: '2025-09-03',
    entity: { id: page, type: 'page' },
    type,
    ...more,
  });
  return {
    at,
    key: id,
    body,
    resource: { field: 'entity.id', value: page },
    version: { field: 'timestamp', kind: 'rfc3339', value: new Date(at * 1000).toISOString() },
  };
};

const parent = { id: uuid('notion parent'), type: 'page' };
const first = {
  ...message('first', 'page.properties_updated', 1733300000, { data: { parent, updated_properties: ['title'] } }),
  change: ['"title"', '"titlf"'],
};

export default {
  name: 'notion',
  scheme: 'X-Notion-Signature: "sha256=" + hex(HMAC-SHA256(verification_token, body)); no timestamp',
  source: 'payload: made up, fields from memory; signed and verified with the SDK',
  secret: `secret_${plain('notion', 43)}`,
  otherSecret: `secret_${plain('notion, another', 43)}`,
  signature: 'X-Notion-Signature',
  prefix: 'sha256=',
  keyField: 'body:id',
  keyCovered: true,
  sign: async ({ secret, body }) => ({
    'X-Notion-Signature': await signWebhookPayload({ body, verificationToken: secret }),
  }),
  retry: {
    retried: (body) => replaced(body, '"attempt_number":1', '"attempt_number":2'),
    reason: 'a retry half an hour later: attempt_number and so the body changes, the id does not',
  },
  messages: {
    first,
    second: message('second', 'page.properties_updated', 1733300060, {
      data: { parent, updated_properties: ['title'] },
    }),
    others: [
      message('content', 'page.content_updated', 1733300120, {
        data: { parent, updated_blocks: [{ id: uuid('notion block'), type: 'block' }] },
      }),
      message('comment', 'comment.created', 1733300180, {
        entity: { id: uuid('notion comment'), type: 'comment' },
        data: { page_id: page, parent },
      }),
    ].map((other, index) =>
      index ? { ...other, resource: { field: 'entity.id', value: uuid('notion comment') } } : other,
    ),
  },
  sdk: {
    name: `@notionhq/client@${version('@notionhq/client')} verifyWebhookSignature`,
    verify: ({ body, headers, secret }) =>
      verifyWebhookSignature({ body, signature: headers['X-Notion-Signature'], verificationToken: secret }),
  },
  cases: hexCases(),
};
