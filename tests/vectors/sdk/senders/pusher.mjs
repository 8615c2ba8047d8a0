// Pusher Channels: one HMAC over a batch of events without ids. X-Pusher-Key says which secret.
import Pusher from 'pusher';
import { hexCases } from '../lib/hex.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const KEY = plain('pusher, key', 20);

const message = (time, ...events) => ({
  at: Math.floor(time / 1000) + 1,
  keyFields: { time_ms: time, events },
  headers: { 'X-Pusher-Key': KEY },
  body: JSON.stringify({ time_ms: time, events }),
});

const occupied = { name: 'channel_occupied', channel: 'presence-zoë' };
const first = { ...message(1327078148132, occupied), change: ['channel_occupied', 'channel_occupiee'] };

export default {
  name: 'pusher',
  scheme:
    'X-Pusher-Signature: hex(HMAC-SHA256(secret of X-Pusher-Key, body)); no timestamp header; the body is a batch',
  source:
    'payload: made up, envelope as in pusher lib/webhook.js, the rest from memory; signed with node crypto, verified with the SDK',
  secret: plain('pusher', 20),
  otherSecret: plain('pusher, another', 20),
  extra: { key_id: KEY },
  signature: 'X-Pusher-Signature',
  keyField: 'none (no event ids): time_ms and the place in events, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'X-Pusher-Signature': hmac(secret, body, 'hex') }),
  // It retries for five minutes, and the SDK for Python refuses what is older.
  retry: { later: 120 },
  messages: {
    first,
    second: message(1327078208132, occupied),
    others: [
      message(
        1327078268132,
        { name: 'member_added', channel: 'presence-zoë', user_id: 'zoë' },
        {
          name: 'client_event',
          channel: 'presence-zoë',
          event: 'client-typing',
          data: '{}',
          socket_id: '123.456',
          user_id: 'zoë',
        },
      ),
    ],
  },
  sdk: {
    name: `pusher@${version('pusher')} webhook().isValid`,
    verify: ({ body, headers, secret }) => {
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
      return new Pusher({ appId: '1', key: KEY, secret }).webhook({ headers: lower, rawBody: body }).isValid();
    },
  },
  cases: (sender) => [
    ...hexCases({ upper: false })(sender),
    {
      name: 'key-other',
      message: first,
      valid: false,
      headers: { 'X-Pusher-Key': plain('pusher, other key', 20) },
      reason: 'X-Pusher-Key names a key that the receiver does not have',
    },
    {
      name: 'too-old',
      message: first,
      after: 301,
      valid: true,
      policy_dependent: true,
      reason: 'time_ms in the body is more than 300 s ago',
      crossDivergence: 'the SDK for Python looks at the age, the one for Node does not',
    },
    {
      name: 'content-type-other',
      message: first,
      valid: false,
      policy_dependent: true,
      headers: { 'Content-Type': 'text/plain' },
      reason: 'the SDK for Node takes application/json only',
      crossDivergence: 'the SDK for Python does not look at the type',
    },
  ],
};
