// Castle: one HMAC over the body in base64. No event id is known.
import { overBody, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';

const event = (type, created, data) => ({ api_version: 'v1', type, created_at: created, data });

export default {
  name: 'castle',
  source: 'payload: made up; signed with node crypto, verified with the SDK for Python',
  secret: plain('castle', 32),
  otherSecret: plain('castle, another', 32),
  ...overBody({ signature: 'X-Castle-Signature', encoding: 'base64' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('$incident.confirmed', '2024-06-01T07:00:00.000Z', { id: 'i1', user: 'Zoë' }), {
      change: ['"i1"', '"i2"'],
    }),
    second: digested(1717225260, event('$incident.confirmed', '2024-06-01T07:01:00.000Z', { id: 'i1', user: 'Zoë' })),
    others: [digested(1717225320, event('$review.opened', '2024-06-01T07:02:00.000Z', { id: 'r1' }))],
  },
};
