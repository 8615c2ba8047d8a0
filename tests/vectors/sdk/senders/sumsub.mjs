// Sumsub: one HMAC over the body, in SHA-256 unless another algorithm is set. The body has the time of the event, and no id.
import { described, mac, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const signed = overBody({ signature: 'X-Payload-Digest' });
const event = (type, createdAtMs, more) => ({
  applicantId: '5cb744200a975a67ed1798a4',
  inspectionId: '5cb744200a975a67ed1798a5',
  correlationId: 'req-fa94263f-0b23-42d7-9393-ab10b28ef42d',
  externalUserId: 'zoë',
  type,
  reviewStatus: 'pending',
  createdAtMs,
  ...more,
});
const first = digested(1717225200, event('applicantPending', '2024-06-01 06:59:59.125'), { change: ['pending', 'pendinh'] });

export default described({
  name: 'sumsub',
  by: 'docs.sumsub.com/docs/webhooks, and as receivers read it',
  ...signed,
  ...withoutId,
  sign: (delivery) => ({ 'X-Payload-Digest-Alg': 'HMAC_SHA256_HEX', ...signed.sign(delivery) }),
  messages: {
    first,
    second: digested(1717225260, event('applicantPending', '2024-06-01 07:00:59.125')),
    others: [
      digested(1717225320, event('applicantReviewed', '2024-06-01 07:01:59.125', { reviewResult: { reviewAnswer: 'GREEN' } })),
      digested(1717225380, event('applicantReset', '2024-06-01 06:59:59.125')),
    ],
  },
  cases: (sender) => [
    ...hexCases({ upper: false })(sender),
    {
      name: 'sha1',
      message: first,
      valid: false,
      headers: { 'X-Payload-Digest-Alg': 'HMAC_SHA1_HEX' },
      edit: { 'X-Payload-Digest': (_, { body }) => mac('sha1', sender.secret, body, 'hex') },
      reason: 'an algorithm that the header names and that is not set for the webhook',
    },
  ],
});
