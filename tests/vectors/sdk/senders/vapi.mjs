// Vapi, HMAC credentials of the default format: a time and the body in one HMAC. The body has no id of the message.
import { described, mac, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const message = (type, time, more) => ({ message: { type, timestamp: time, call: { id: 'c1', customer: { name: 'Zoë' } }, ...more } });
const first = digested(1717225200, message('status-update', 1717225199123, { status: 'ended' }), { change: ['ended', 'ringing'] });

export default described({
  name: 'vapi',
  by: '@vapi-ai/server-sdk@2.0.1 HmacAuthenticationPlan and VapiAI/docs fern/server-url',
  scheme: 'x-signature: hex(HMAC-SHA256(secret, x-timestamp + "." + body)); the unit of the time is not published',
  ...withoutId,
  signature: 'x-signature',
  signed: { 'x-timestamp': String((first.at + 1) * 1000) },
  sign: ({ secret, at, body }) => ({
    'x-timestamp': String(at * 1000),
    'x-signature': mac('sha256', secret, `${at * 1000}.${body}`, 'hex'),
  }),
  messages: {
    first,
    second: digested(1717225260, message('status-update', 1717225259123, { status: 'ended' })),
    others: [
      digested(1717225320, message('end-of-call-report', 1717225319123, { endedReason: 'customer-ended-call' })),
      digested(1717225380, message('tool-calls', 1717225379123, { toolCallList: [{ id: 't1', name: 'book' }] })),
    ],
  },
});
