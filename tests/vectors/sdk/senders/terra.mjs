// Terra: a time and an HMAC. The body has no event id.
import { verifyTerraWebhookSignature } from 'terra-api';
import { timed, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const message = (type, start, more) => ({ type, user: { user_id: 'u1', reference_id: 'Zoë' }, data: [{ start, ...more }] });

export default {
  name: 'terra',
  source: 'payload: made up; signed with node crypto, verified with the SDK',
  secret: plain('terra', 32),
  otherSecret: plain('terra, another', 32),
  ...timed({ signature: 'terra-signature', time: 't=', prefix: 'v1=' }),
  ...withoutId,
  future: 'refused',
  messages: {
    first: digested(1717225200, message('activity', '2024-06-01T06:00:00Z'), { change: ['"u1"', '"u2"'] }),
    second: digested(1717225260, message('activity', '2024-06-01T06:30:00Z')),
    others: [digested(1717225320, message('sleep', '2024-05-31T22:00:00Z'))],
  },
  sdk: {
    name: `terra-api@${version('terra-api')} verifyTerraWebhookSignature`,
    verify: ({ body, headers, secret }) => verifyTerraWebhookSignature(body, headers['terra-signature'], secret),
  },
};
