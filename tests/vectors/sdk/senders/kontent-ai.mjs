// Kontent.ai: one HMAC over the body, which has several notifications without ids.
import { signatureHelper } from '@kontent-ai/webhook-helper';
import { batch, digest } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const header = 'X-Kontent-ai-Signature';
const notification = (action, modified, id = 'aa7f127f-1920-4454-a89a-0609aba8ea6f') => ({
  data: { system: { id, name: 'Zoë', codename: 'zoe', last_modified: modified } },
  message: { environment_id: '0f5b6cb2', object_type: 'content_item', action, delivery_slot: 'published' },
});
const wrapped = (notifications) => ({ notifications });
const first = {
  ...batch(
    1711353358,
    [notification('published', '2024-03-25T07:55:57.0563735Z'), notification('published', '2024-03-25T07:55:57Z', 'b2')],
    wrapped,
  ),
  change: ['"zoe"', '"zof"'],
};

// The example of the SDK's own tests, in the form that it signs: with two spaces and the line breaks of Windows.
const example = JSON.stringify(
  {
    notifications: [
      {
        data: {
          system: {
            id: 'aa7f127f-1920-4454-a89a-0609aba8ea6f',
            name: 'This changes everything!',
            codename: 'this_changes_everything_',
            collection: 'marketing',
            workflow: 'default',
            workflow_step: 'published',
            language: 'default',
            type: 'product_update',
            last_modified: '2024-03-25T07:55:57.0563735Z',
          },
        },
        message: {
          environment_id: '0f5b6cb2-ea82-014e-ac74-f71e7e8b6aee',
          object_type: 'content_item',
          action: 'published',
          delivery_slot: 'published',
        },
      },
    ],
  },
  null,
  2,
).replaceAll('\n', '\r\n');
const event = example.slice(example.indexOf('{', example.indexOf('[')), example.lastIndexOf('}', example.lastIndexOf(']')) + 1);

export default {
  name: 'kontent-ai',
  scheme: `${header}: base64(HMAC-SHA256(secret, body)); no timestamp`,
  source: 'payload: made up, fields as in @kontent-ai/webhook-helper; signed with node crypto, verified with the SDK',
  secret: plain('kontent.ai', 32),
  otherSecret: plain('kontent.ai, another', 32),
  signature: header,
  keyField: 'none (no event ids): the digest of each notification',
  keyCovered: true,
  sign: ({ secret, body }) => ({ [header]: hmac(secret, body, 'base64') }),
  messages: {
    first,
    second: batch(1711353418, [notification('published', '2024-03-25T07:56:57Z')], wrapped),
    others: [batch(1711353478, [notification('unpublished', '2024-03-25T07:57:57Z')], wrapped)],
  },
  sdk: {
    name: `@kontent-ai/webhook-helper@${version('@kontent-ai/webhook-helper')} signatureHelper.isValidSignatureFromString`,
    verify: ({ body, headers, secret }) => signatureHelper.isValidSignatureFromString(body, secret, headers[header]),
  },
  cases: () => [
    {
      name: 'published-example',
      message: { at: 1711353358, keys: [digest(event)], body: example },
      secret: 'BHPyfqwSy1iJjcscOB+GSkDf9THrBlfcKkwtADJdbP4=',
      headers: { [header]: 'CF9/hYLw2CDcVp2wW39OFUglh++fGdHFeOhiWxM3jZg=' },
      valid: true,
      reason: "the example with its signature in the SDK's tests, signature.spec.ts",
    },
  ],
};
