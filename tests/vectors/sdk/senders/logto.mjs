// Logto: one HMAC over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const event = (name, time, user) => ({ hookId: 'tp3', event: name, createdAt: time, userAgent: 'Mozilla/5.0', user });

export default described({
  name: 'logto',
  by: 'logto-io/logto packages/core/src/libraries/hook/utils.ts and utils/sign.ts',
  ...overBody({ signature: 'logto-signature-sha-256' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('PostSignIn', '2024-06-01T07:00:00.000Z', { id: 'u1', name: 'Zoë' }), {
      change: ['"u1"', '"u2"'],
    }),
    second: digested(1717225260, event('PostSignIn', '2024-06-01T07:01:00.000Z', { id: 'u1', name: 'Zoë' })),
    others: [digested(1717225320, event('User.Deleted', '2024-06-01T07:02:00.000Z', { id: 'u1', name: 'Zoë' }))],
  },
  cases: hexCases({ upper: false }),
});
