// Ashby: one HMAC over the body, which has the event's id. A message without an id has the body's digest.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested, keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const data = (updatedAt) => ({ data: { application: { id: 'a1', updatedAt, candidate: { name: 'Zoë' } } } });
const event = (at, action, updatedAt, id, more) => keyed(at, `${action};${id}`, { webhookActionId: id, action, ...data(updatedAt) }, more);

export default described({
  name: 'ashby',
  by: 'developers.ashbyhq.com/docs/authenticating-webhooks and /common-payload-data, and as receivers read them',
  ...overBody({ signature: 'Ashby-Signature', prefix: 'sha256=' }),
  keyField: 'body:action and body:webhookActionId, or the digest of the body',
  keyCovered: true,
  messages: {
    first: event(1717225200, 'applicationSubmit', '2024-06-01T07:00:00Z', uuid('ashby 1'), { change: ['"a1"', '"a2"'] }),
    second: event(1717225260, 'applicationSubmit', '2024-06-01T07:00:00Z', uuid('ashby 2')),
    others: [
      event(1717225320, 'candidateStageChange', '2024-06-01T07:00:00Z', uuid('ashby 1')),
      digested(1717225380, { action: 'applicationSubmit', ...data('2024-06-01T07:00:00Z') }),
    ],
  },
  cases: hexCases({ upper: false }),
});
