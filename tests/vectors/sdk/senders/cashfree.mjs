// Cashfree: a time in milliseconds and the body in one HMAC. The body has no event id.
import { Cashfree, CFEnvironment } from 'cashfree-pg';
import { mac, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const event = (type, time, payment) => ({ data: { order: { order_id: 'zoë-1' }, payment }, event_time: time, type });
const first = digested(
  1717225200,
  event('PAYMENT_FAILED_WEBHOOK', '2024-06-01T12:30:00+05:30', { cf_payment_id: 1, payment_amount: 1 }),
  { change: ['zoë-1', 'zoë-2'] },
);

export default {
  name: 'cashfree',
  scheme: 'x-webhook-signature: base64(HMAC-SHA256(client secret, x-webhook-timestamp + body)), nothing in between',
  source: 'payload: made up, the type as cashfree-pg PGWebhookEvent reads it; signed with node crypto, verified with the SDK',
  ...withoutId,
  secret: plain('cashfree', 32),
  otherSecret: plain('cashfree, another', 32),
  signature: 'x-webhook-signature',
  signed: { 'x-webhook-timestamp': String((first.at + 1) * 1000) },
  sign: ({ secret, at, body }) => ({
    'x-webhook-timestamp': String(at * 1000),
    'x-webhook-signature': mac('sha256', secret, `${at * 1000}${body}`, 'base64'),
  }),
  messages: {
    first,
    second: digested(
      1717225260,
      event('PAYMENT_FAILED_WEBHOOK', '2024-06-01T12:31:00+05:30', { cf_payment_id: 2, payment_amount: 1 }),
    ),
    others: [
      digested(1717225320, event('PAYMENT_SUCCESS_WEBHOOK', '2024-06-01T12:32:00+05:30', { cf_payment_id: 3 })),
    ],
  },
  sdk: {
    name: `cashfree-pg@${version('cashfree-pg')} PGVerifyWebhookSignature`,
    verify: ({ body, headers, secret }) =>
      Boolean(
        new Cashfree(CFEnvironment.SANDBOX, 'unused', secret).PGVerifyWebhookSignature(
          headers['x-webhook-signature'],
          body,
          headers['x-webhook-timestamp'],
        ),
      ),
  },
};
