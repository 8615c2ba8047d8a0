// Wise: an RSA signature of the body by a published key. The last case is the example of Wise's own repository.
import { described } from '../lib/described.mjs';
import { digest } from '../lib/messages.mjs';
import { OTHER_RSA_KEY, RSA_KEY, publicKey, rsaSignature } from '../lib/rsa.mjs';
import { uuid } from '../lib/secrets.mjs';

const header = 'X-Signature-SHA256';
const subscription = '90aa8e14-4ef1-4a56-861c-f3c9cde097ea';

const time = (at) => new Date(at * 1000).toISOString().replace('.000', '');

const message = (at, type, data, sent = at) => ({
  at,
  key: `${subscription};${type};${digest(JSON.stringify(data))}`,
  body: JSON.stringify({ data, subscription_id: subscription, event_type: type, schema_version: '2.0.0', sent_at: time(sent) }),
  headers: { 'X-Delivery-Id': uuid(`wise ${sent}`) },
});

const transfer = (state, at) => ({
  resource: { id: 49983981, profile_id: 16055450, account_id: 14124090, type: 'transfer' },
  current_state: state,
  previous_state: 'incoming_payment_waiting',
  occurred_at: time(at),
});
const credit = { resource: { id: 14124090, profile_id: 16055450, type: 'balance-account' }, amount: 1.1, currency: 'EUR', occurred_at: time(1629713570) };

const data = transfer('processing', 1629713570);
const first = { ...message(1629713571, 'transfers#state-change', data), change: ['49983981', '49983982'] };

const SANDBOX = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwpb91cEYuyJNQepZAVfP
ZIlPZfNUefH+n6w9SW3fykqKu938cR7WadQv87oF2VuT+fDt7kqeRziTmPSUhqPU
ys/V2Q1rlfJuXbE+Gga37t7zwd0egQ+KyOEHQOpcTwKmtZ81ieGHynAQzsn1We3j
wt760MsCPJ7GMT141ByQM+yW1Bx+4SG3IGjXWyqOWrcXsxAvIXkpUD/jK/L958Cg
nZEgz0BSEh0QxYLITnW1lLokSx/dTianWPFEhMC9BgijempgNXHNfcVirg1lPSyg
z7KqoKUN0oHqWLr2U1A+7kqrl6O2nx3CKs1bj1hToT1+p4kcMoHXA7kA+VBLUpEs
VwIDAQAB
-----END PUBLIC KEY-----`;
const example = {
  resource: { id: 49983981, profile_id: 16055450, account_id: 14124090, type: 'transfer' },
  current_state: 'incoming_payment_waiting',
  previous_state: null,
  occurred_at: '2021-08-23T10:12:50Z',
};
const EXAMPLES_SIGNATURE = [
  'wKcKCYXAzxNgiu7xmoDm943NUni7Rz33QN8JkEA9dWSGebgndonabgSj18Y4C08OrwVmueGsED2s00M7DtJVcYKOS1i3G4TMVx+mgM3aL9djMBkQtiYN',
  'BFUd6wrPI7ZUNHv/TrlKSjTMc+6JFvUvJ7owY3z85e3I4jLRLJowMFvO8kvCJ60+1pY9wDwZvtZ//WS93LrwGjk9Dvwzpmu0w+P4J75tETT5qC3Uv0y5',
  'G2yO8SEoO3yNP/tg/BOli02niHb53vEOUWUb9bly6thnfMoXoiV/osoGxgF20R58RlvkAmezyyl1Sv542TfS2DpiwVnmjjjkCyXeSUcKookYLQ==',
].join('');

export default described({
  name: 'wise',
  by: 'docs.wise.com and github.com/transferwise/digital-signatures-examples',
  scheme: 'X-Signature-SHA256: base64(RSA PKCS #1 v1.5 with SHA-256 over the body); a public key per environment; no timestamp',
  secret: publicKey(RSA_KEY),
  signingSecret: RSA_KEY,
  otherSecret: OTHER_RSA_KEY,
  signature: header,
  keyField: 'none (no signed id): subscription_id, event_type and the digest of data',
  keyCovered: true,
  sign: ({ secret, body }) => ({ [header]: rsaSignature(secret, body) }),
  unsigned: { 'X-Delivery-Id': uuid('wise forged') },
  retry: { message: message(1629713571, 'transfers#state-change', data, 1629717171), reason: 'the same event an hour later, with another time of sending: the same key' },
  messages: {
    first,
    second: message(1629713631, 'transfers#state-change', transfer('processing', 1629713630)),
    others: [
      message(1629713691, 'transfers#state-change', transfer('outgoing_payment_sent', 1629713570)),
      message(1629713751, 'transfers#active-cases', data),
      message(1629713811, 'balances#credit', credit),
    ],
  },
  cases: () => [
    {
      name: 'signature-sha1',
      message: first,
      valid: false,
      edit: { [header]: (_, { body }) => rsaSignature(RSA_KEY, body, 'sha1') },
      reason: 'signed with SHA-1',
    },
    {
      name: 'example-of-wise',
      message: message(1629713570, 'transfers#state-change', example),
      secret: SANDBOX,
      signedWith: RSA_KEY,
      edit: { [header]: () => EXAMPLES_SIGNATURE },
      valid: true,
      reason: 'the example of github.com/transferwise/digital-signatures-examples, under the key of the sandbox',
    },
    {
      name: 'example-of-wise-changed',
      message: message(1629713570, 'transfers#state-change', example),
      secret: SANDBOX,
      signedWith: RSA_KEY,
      edit: { [header]: () => EXAMPLES_SIGNATURE },
      body: (body) => body.replace('49983981', '49983982'),
      valid: false,
      reason: 'another transfer under the signature of the example',
    },
  ],
});
