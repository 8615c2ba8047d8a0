// Mercury: a time and an HMAC. The body has the event's id. Sources differ on whether the secret is text or base64.
import { described, timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const signed = timed({ signature: 'Mercury-Signature', time: 't=', prefix: 'v1=' });
const event = (at, id, type, operation, more) =>
  keyed(
    at,
    id,
    {
      id,
      resourceType: type,
      resourceId: uuid('mercury resource'),
      operationType: operation,
      resourceVersion: 2,
      occurredAt: '2024-06-01T06:59:59.000000Z',
      changedPaths: ['status'],
      mergePatch: { status: 'sent', note: 'Zoë' },
      previousValues: { status: 'pending' },
    },
    more,
  );
const first = event(1717225200, uuid('mercury 1'), 'transaction', 'update', { change: ['Zoë', 'Zoé'] });

export default described({
  name: 'mercury',
  by: 'docs.mercury.com/reference/webhooks',
  ...signed,
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first,
    second: event(1717225260, uuid('mercury 2'), 'transaction', 'update'),
    others: [
      event(1717225320, uuid('mercury 3'), 'transaction', 'create'),
      event(1717225380, uuid('mercury 4'), 'checkingAccount', 'update'),
    ],
  },
  cases: ({ secret }) => [
    {
      name: 'secret-in-base64',
      message: first,
      valid: true,
      signedWith: Buffer.from(secret, 'base64'),
      reason: 'signed with what the secret decodes to, as other sources say',
    },
  ],
});
