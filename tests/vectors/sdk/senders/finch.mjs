// Finch: as Standard Webhooks, with headers of its own names and a secret in base64 without a prefix.
import Finch from '@tryfinch/finch-api';
import { named } from '../lib/messages.mjs';
import { whsec } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const client = new Finch({ accessToken: 'unused' });
const base64 = (name) => whsec(name, 32).replace('whsec_', '');
const event = (type, individual) => ({ event_type: type, company_id: 'c1', account_id: 'a1', connection_id: 'zoë', data: { individual_id: individual } });
const first = named(1717225200, 'evt_1', event('individual.updated', 'i1'), { change: ['"i1"', '"i2"'] });
const sign = ({ secret, id, at, body }) => ({
  'Finch-Event-ID': id,
  'Finch-Timestamp': String(at),
  'Finch-Signature': `v1,${hmac(Buffer.from(secret, 'base64'), `${id}.${at}.${body}`, 'base64')}`,
});

export default {
  name: 'finch',
  scheme: '"v1," + base64(HMAC-SHA256(base64-decoded secret, Finch-Event-ID + "." + Finch-Timestamp + "." + body)); Finch-Signature is a list separated by spaces',
  source: 'payload: made up, fields as in @tryfinch/finch-api resources/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: base64('finch'),
  otherSecret: base64('finch, another'),
  tolerance: 300,
  future: 'refused',
  signature: 'Finch-Signature',
  keyField: 'header:Finch-Event-ID',
  keyCovered: true,
  signed: { 'Finch-Event-ID': 'evt_9', 'Finch-Timestamp': String(first.at + 1) },
  sign,
  messages: {
    first,
    second: named(1717225260, 'evt_2', event('individual.updated', 'i1')),
    others: [named(1717225320, 'evt_3', event('individual.deleted', 'i1'))],
  },
  sdk: {
    name: `@tryfinch/finch-api@${version('@tryfinch/finch-api')} webhooks.verifySignature`,
    verify: ({ body, headers, secret }) => {
      client.webhooks.verifySignature(body, headers, secret);
      return true;
    },
  },
  cases: ({ otherSecret }) => [
    {
      name: 'rotation-ours-last',
      message: first,
      valid: true,
      edit: { 'Finch-Signature': (ours, delivery) => `${sign({ ...delivery, secret: otherSecret })['Finch-Signature']} ${ours}` },
      reason: 'signed with two secrets, the last is ours',
    },
    {
      name: 'unknown-scheme-only',
      message: first,
      valid: false,
      edit: { 'Finch-Signature': (ours) => ours.replace('v1,', 'v2,') },
      reason: 'the right digest under an unknown scheme',
    },
  ],
};
