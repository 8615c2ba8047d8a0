// Paystack: one HMAC-SHA512 over the body, which has no id of the event.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const message = (event, data) => ({ event, data });

export default described({
  name: 'paystack',
  by: 'PaystackOSS/doc-code-snippets dist/doc/payments/webhooks/verifying-transaction.js',
  ...overBody({ signature: 'x-paystack-signature', algorithm: 'sha512' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, message('charge.success', { id: 302961, reference: 'qTPrJoy9Bx', customer: 'Zoë' }), {
      change: ['302961', '302962'],
    }),
    second: digested(1717225260, message('charge.success', { id: 302963, reference: 'qTPrJoy9By', customer: 'Zoë' })),
    others: [digested(1717225320, message('transfer.failed', { id: 7, reference: 'qTPrJoy9Bx' }))],
  },
  cases: hexCases({ upper: false }),
});
