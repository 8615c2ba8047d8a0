// Snyk: one HMAC over the body. The id is in a header that is not signed.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { named, swapped } from '../lib/messages.mjs';

const signed = overBody({ signature: 'X-Hub-Signature', prefix: 'sha256=' });

export default described({
  name: 'snyk',
  by: 'docs.snyk.io "Webhook events and payloads" and snyk/user-docs "Validation and versioning of payloads"',
  ...signed,
  sign: (delivery) => ({ 'X-Snyk-Transport-ID': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:X-Snyk-Transport-ID',
  keyCovered: false,
  messages: {
    first: named(1717225200, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e01', { project: { id: 'p1', name: 'Zoë' }, newIssues: [], removedIssues: [] }, { change: ['"p1"', '"p2"'] }),
    second: named(1717225260, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e02', { project: { id: 'p1', name: 'Zoë' }, newIssues: [], removedIssues: [] }),
    others: [named(1717225320, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e03', { webhookId: 'd3cf26b3' })],
  },
  cases: (sender) => [...hexCases({ upper: false })(sender), swapped('X-Snyk-Transport-ID', '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e99')(sender)],
});
