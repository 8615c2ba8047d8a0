// Crisp: a time and the body, in brackets, in one HMAC. The body has no event id.
import { Crisp } from 'crisp-api';
import { withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const client = new Crisp();
client.setRtmMode(Crisp.RTM_MODES.WebHooks);
// It verifies only once an event is bound.
await client.on('message:send', () => {});
const event = (name, fingerprint, content) => ({ event: name, data: { fingerprint, content, session_id: 'session_1' } });
const first = digested(1717225200, event('message:send', 163408807661342, 'Zoë'), { change: ['session_1', 'session_2'] });

export default {
  name: 'crisp',
  scheme: 'X-Crisp-Signature: hex(HMAC-SHA256(secret, "[" + X-Crisp-Request-Timestamp + ";" + body + "]"))',
  source: 'payload: made up, the event as crisp-api receiveHook reads it; signed with node crypto, verified with the SDK',
  ...withoutId,
  secret: plain('crisp', 32),
  otherSecret: plain('crisp, another', 32),
  signature: 'X-Crisp-Signature',
  signed: { 'X-Crisp-Request-Timestamp': String((first.at + 1) * 1000) },
  reserialized: 'crisp-api is given the parsed body and writes it anew',
  sign: ({ secret, at, body }) => ({
    'X-Crisp-Request-Timestamp': String(at * 1000),
    'X-Crisp-Signature': hmac(secret, `[${at * 1000};${body}]`, 'hex'),
  }),
  messages: {
    first,
    second: digested(1717225260, event('message:send', 163408807661343, 'Zoë')),
    others: [digested(1717225320, event('message:updated', 163408807661342, 'Zoë!'))],
  },
  sdk: {
    name: `crisp-api@${version('crisp-api')} verifyHook`,
    verify: ({ body, headers, secret }) =>
      client.verifyHook(
        secret,
        JSON.parse(body),
        Number(headers['X-Crisp-Request-Timestamp']),
        headers['X-Crisp-Signature'],
      ),
  },
};
