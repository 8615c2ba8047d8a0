// Ashby: one HMAC over the body, and no id of the event.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const event = (action, updatedAt) => ({ action, data: { application: { id: 'a1', updatedAt, candidate: { name: 'Zoë' } } } });

export default described({
  name: 'ashby',
  by: 'developers.ashbyhq.com/docs/authenticating-webhooks, and as receivers read them',
  ...overBody({ signature: 'Ashby-Signature', prefix: 'sha256=' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('applicationSubmit', '2024-06-01T07:00:00Z'), { change: ['"a1"', '"a2"'] }),
    second: digested(1717225260, event('applicationSubmit', '2024-06-01T07:01:00Z')),
    others: [digested(1717225320, event('candidateStageChange', '2024-06-01T07:00:00Z'))],
  },
  cases: hexCases({ upper: false }),
});
