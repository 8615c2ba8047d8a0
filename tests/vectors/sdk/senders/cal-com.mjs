// Cal.com: one HMAC over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const event = (triggerEvent, createdAt, payload) => ({ triggerEvent, createdAt, payload });

export default described({
  name: 'cal-com',
  by: 'calcom/cal.com packages/features/webhooks/lib/sendPayload.ts',
  ...overBody({ signature: 'X-Cal-Signature-256' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('BOOKING_RESCHEDULED', '2024-06-01T07:00:00.000Z', { uid: 'bk1', title: 'Zoë' }), {
      change: ['bk1', 'bk2'],
    }),
    second: digested(1717225260, event('BOOKING_RESCHEDULED', '2024-06-01T07:01:00.000Z', { uid: 'bk1', title: 'Zoë' })),
    others: [digested(1717225320, event('BOOKING_CANCELLED', '2024-06-01T07:02:00.000Z', { uid: 'bk1', title: 'Zoë' }))],
  },
  cases: hexCases({ upper: false }),
});
