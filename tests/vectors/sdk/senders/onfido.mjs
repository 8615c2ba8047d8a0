// Onfido: one HMAC over the body, which has no event id.
import { WebhookEventVerifier } from '@onfido/api';
import { hexCases } from '../lib/hex.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const message = (resource, action, at, object, more) => ({
  at,
  keyFields: {
    'payload.action': action,
    'payload.object.id': object.id,
    'payload.object.completed_at_iso8601': object.completed_at_iso8601,
  },
  body: JSON.stringify({ payload: { resource_type: resource, action, object, ...more } }),
  resource: { field: 'payload.object.id', value: object.id },
});

const object = (id, kind, completed, status = 'complete') => ({
  id,
  status,
  completed_at_iso8601: completed,
  href: `https://api.eu.onfido.com/v3.6/${kind}/${id}`,
});

const check = uuid('onfido check');
const first = {
  ...message('check', 'check.completed', 1700000000, object(check, 'checks', '2023-11-14T22:13:18Z')),
  change: ['"complete"', '"complets"'],
};

export default {
  name: 'onfido',
  scheme: 'X-SHA2-Signature: hex(HMAC-SHA256(webhook token, body)); no timestamp',
  source:
    'payload: made up, fields as in @onfido/api api.d.ts WebhookEvent; signed with node crypto, verified with the SDK',
  secret: plain('onfido', 32),
  otherSecret: plain('onfido, another', 32),
  signature: 'X-SHA2-Signature',
  keyField: 'none (no event id): action, object id and completion time, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'X-SHA2-Signature': hmac(secret, body, 'hex') }),
  messages: {
    first,
    second: message('check', 'check.completed', 1700003600, object(check, 'checks', '2023-11-14T23:13:18Z')),
    others: [
      message(
        'report',
        'report.completed',
        1700000001,
        object(uuid('onfido report'), 'reports', '2023-11-14T22:13:18Z'),
      ),
      message(
        'workflow_run',
        'workflow_run.completed',
        1700000002,
        object(uuid('onfido run'), 'workflow_runs', '2023-11-14T22:13:19Z', 'approved'),
        {
          resource: {
            id: uuid('onfido run'),
            applicant_id: uuid('onfido applicant'),
            status: 'approved',
            tags: ['zoë'],
          },
        },
      ),
    ],
  },
  sdk: {
    name: `@onfido/api@${version('@onfido/api')} WebhookEventVerifier.readPayload`,
    verify: ({ body, headers, secret }) =>
      Boolean(new WebhookEventVerifier(secret).readPayload(body, headers['X-SHA2-Signature'])),
  },
  cases: hexCases({
    crossUpper: 'onfido-python compares the text',
    loose: '@onfido/api decodes as far as the text is hexadecimal, and ignores the rest',
  }),
};
