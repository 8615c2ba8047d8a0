// Telnyx: Ed25519 over time and body. meta.attempt makes the body of each attempt another one.
import { createPublicKey } from 'node:crypto';
import Telnyx from 'telnyx';
import { replaced } from '../lib/cases.mjs';
import { ed25519, ed25519Signature } from '../lib/sign.mjs';
import { seed, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const pair = (name) => {
  const key = ed25519(seed(name));
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { key, public: spki.subarray(-32).toString('base64') };
};
const [ours, theirs] = [pair('telnyx'), pair('telnyx, another')];

const message = (name, type, at, payload) => {
  const id = uuid(`telnyx ${name}`);
  return {
    at,
    key: id,
    body: JSON.stringify({
      data: { event_type: type, id, occurred_at: new Date(at * 1000).toISOString(), payload, record_type: 'event' },
      meta: { attempt: 1, delivered_to: 'https://example.com/webhooks/telnyx' },
    }),
    resource: { field: 'data.payload', value: payload.id ?? payload.call_leg_id },
    version: { field: 'data.occurred_at', kind: 'rfc3339', value: new Date(at * 1000).toISOString() },
  };
};

const sms = {
  id: uuid('telnyx sms'),
  record_type: 'message',
  direction: 'inbound',
  from: { phone_number: '+13125550101' },
  text: 'Hello, Zoë',
};
const first = { ...message('first', 'message.received', 1722500000, sms), change: ['+13125550101', '+13125550102'] };
const client = new Telnyx({ apiKey: 'unused' });

export default {
  name: 'telnyx',
  scheme: 'Ed25519(public key in base64, telnyx-timestamp + "|" + body) in telnyx-signature-ed25519 (base64)',
  source:
    'payload: made up, fields as in telnyx resources/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: ours.public,
  signingSecret: ours.key,
  otherSecret: theirs.key,
  tolerance: 300,
  future: 'refused',
  signature: 'telnyx-signature-ed25519',
  keyField: 'body:data.id',
  keyCovered: true,
  sign: ({ secret, at, body }) => ({
    'telnyx-timestamp': String(at),
    'telnyx-signature-ed25519': ed25519Signature(secret, `${at}|${body}`),
  }),
  signed: { 'telnyx-timestamp': String(first.at + 1) },
  retry: {
    later: 5,
    retried: (body) => replaced(body, '"attempt":1', '"attempt":2'),
    reason: 'a retry: meta.attempt and so the body changes, data.id does not',
  },
  messages: {
    first,
    second: message('second', 'message.received', 1722500060, { ...sms, id: uuid('telnyx sms 2') }),
    others: [
      message('sent', 'message.finalized', 1722500120, { ...sms, direction: 'outbound' }),
      message('call', 'call.hangup', 1722500180, {
        call_leg_id: uuid('telnyx leg'),
        call_session_id: uuid('telnyx session'),
        hangup_cause: 'normal_clearing',
      }),
    ],
  },
  sdk: {
    name: `telnyx@${version('telnyx')} webhooks.unwrap`,
    verify: async ({ body, headers, secret }) => Boolean(await client.webhooks.unwrap(body, { headers, key: secret })),
  },
  cases: () => [
    {
      name: 'timestamp-missing',
      message: first,
      valid: false,
      headers: { 'telnyx-timestamp': undefined },
      reason: 'telnyx-timestamp absent',
    },
    {
      name: 'timestamp-not-a-number',
      message: first,
      valid: false,
      headers: { 'telnyx-timestamp': 'yesterday' },
      reason: 'telnyx-timestamp is not a number',
    },
    {
      name: 'separator-other',
      message: first,
      valid: false,
      edit: { 'telnyx-signature-ed25519': (_, { at, body }) => ed25519Signature(ours.key, `${at}.${body}`) },
      reason: 'signed with "." in the place of "|"',
    },
    {
      name: 'signature-in-hex',
      message: first,
      valid: false,
      edit: { 'telnyx-signature-ed25519': (text) => Buffer.from(text, 'base64').toString('hex') },
      reason: 'the right signature in hexadecimal',
    },
    {
      name: 'signature-not-reduced',
      message: first,
      valid: false,
      edit: { 'telnyx-signature-ed25519': (text) => unreduced(text) },
      reason:
        'RFC 8032, section 5.1.7: S must be below the order of the group; the right signature with the order added to S',
    },
    {
      name: 'base64-without-padding',
      message: first,
      valid: false,
      edit: { 'telnyx-signature-ed25519': (text) => text.replace(/=+$/, '') },
      reason: 'the right signature without its = at the end',
    },
  ],
};

// The same signature with S + L, which a verifier without the check of RFC 8032 accepts.
function unreduced(text) {
  const bytes = Buffer.from(text, 'base64');
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = order + BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`);
  for (let index = 32; index < 64; index += 1, s >>= 8n) {
    bytes[index] = Number(s & 255n);
  }
  return bytes.toString('base64');
}
