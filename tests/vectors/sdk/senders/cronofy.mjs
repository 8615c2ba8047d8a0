// Cronofy: a list of HMACs over the body, which has no event id.
import Cronofy from 'cronofy';
import { withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const client = new Cronofy({});
const header = 'Cronofy-HMAC-SHA256';
const change = (type, since) => ({ notification: { type, changes_since: since }, channel: { channel_id: 'chn_1', note: 'Zoë' } });
const first = digested(1717225200, change('change', '2024-06-01T07:00:00Z'), { change: ['chn_1', 'chn_2'] });

export default {
  name: 'cronofy',
  scheme: `${header}: base64(HMAC-SHA256(client secret, body)), a list separated by commas; no timestamp`,
  source: 'payload: made up; signed with node crypto, verified with the SDK',
  ...withoutId,
  secret: plain('cronofy', 32),
  otherSecret: plain('cronofy, another', 32),
  signature: header,
  sign: ({ secret, body }) => ({ [header]: hmac(secret, body, 'base64') }),
  messages: {
    first,
    second: digested(1717225260, change('change', '2024-06-01T07:01:00Z')),
    others: [digested(1717225320, { notification: { type: 'profile_disconnected' }, channel: { channel_id: 'chn_1' } })],
  },
  sdk: {
    name: `cronofy@${version('cronofy')} hmacValid`,
    verify: ({ body, headers, secret }) => client.hmacValid({ hmac: headers[header], body, client_secret: secret }),
  },
  cases: ({ otherSecret }) => [
    {
      name: 'rotation-ours-last',
      message: first,
      valid: true,
      edit: { [header]: (ours, { body }) => `${hmac(otherSecret, body, 'base64')},${ours}` },
      reason: 'signed with two secrets, the last is ours',
    },
  ],
};
