// QStash: a token with the body's hash and the URL. The message id is a header that is not signed.
import { createHash } from 'node:crypto';
import { Receiver } from '@upstash/qstash';
import { hmac, jwt } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const URL = 'https://example.com/webhooks/qstash';
const sha256 = (body) => createHash('sha256').update(body).digest('base64url');

const message = (id, at, body) => ({
  at,
  key: id,
  headers: { 'Upstash-Message-Id': id, 'Upstash-Retried': '0' },
  body: JSON.stringify(body),
});

const first = {
  ...message('msg_26hZCxZCuWyyTWPmSVBrNB882AH2', 1712000000, { order: 1, name: 'Zoë' }),
  change: ['"order":1', '"order":2'],
};
const claims = ({ at, body }) => ({
  iss: 'Upstash',
  sub: URL,
  exp: at + 300,
  nbf: at,
  iat: at,
  jti: `jwt_${sha256(`${at}`).slice(0, 24)}`,
  body: sha256(body),
});
const token = (secret, delivery, more) =>
  jwt({ alg: 'HS256', typ: 'JWT' }, { ...claims(delivery), ...more }, (text) => hmac(secret, text, 'base64url'));
const edit = (make) => ({ 'Upstash-Signature': (_, delivery) => make(delivery) });
const next = `sig_${plain('qstash, next', 28)}`;

export default {
  name: 'qstash',
  scheme:
    'Upstash-Signature: a JWT, HS256 with the current or the next signing key, iss Upstash, sub = URL, body = base64url(SHA-256(body)), exp 5 min',
  source: "payload: made up, as the body is the publisher's; signed with node crypto, verified with the SDK",
  secret: `sig_${plain('qstash', 28)}`,
  otherSecret: `sig_${plain('qstash, another', 28)}`,
  extra: { secret2: next },
  url: URL,
  // The token lives for 300 s, and the SDK allows no clock skew.
  tolerance: 299,
  future: 'refused',
  signature: 'Upstash-Signature',
  unsigned: { 'Upstash-Message-Id': 'msg_26hZCxZCuWyyTWPmSVBrNB882AHZ' },
  keyField: 'header:Upstash-Message-Id',
  keyCovered: false,
  sign: ({ secret, ...delivery }) => ({ 'Upstash-Signature': token(secret, delivery) }),
  retry: {
    headers: { 'Upstash-Retried': '1' },
    reason: 'a retry half an hour later: the same message id in a new token',
  },
  messages: {
    first,
    second: message('msg_26hZCxZCuWyyTWPmSVBrNB882AH3', 1712000060, { order: 1, name: 'Zoë' }),
  },
  sdk: {
    name: `@upstash/qstash@${version('@upstash/qstash')} Receiver.verify`,
    verify: ({ body, headers, secret, url }) =>
      new Receiver({ currentSigningKey: secret, nextSigningKey: next }).verify({
        signature: headers['Upstash-Signature'],
        body,
        url,
      }),
  },
  cases: ({ secret }) => {
    const make = (name, valid, reason, edited, more) => ({
      name,
      message: first,
      valid,
      reason,
      edit: edited,
      ...more,
    });
    return [
      make(
        'next-key',
        true,
        'signed with the next signing key',
        edit((delivery) => token(next, delivery)),
      ),
      make(
        'url-other',
        false,
        'a token for another URL',
        edit((delivery) => token(secret, delivery, { sub: 'https://example.com/other' })),
      ),
      make(
        'issuer-other',
        false,
        'a token of another issuer',
        edit((delivery) => token(secret, delivery, { iss: 'Another' })),
      ),
      make(
        'alg-none',
        false,
        'an unsigned token',
        edit((delivery) => jwt({ alg: 'none' }, claims(delivery), () => '')),
      ),
      make(
        'hash-padded',
        true,
        "the body's hash with padding",
        edit((delivery) => token(secret, delivery, { body: `${sha256(delivery.body)}=` })),
        { policy_dependent: true },
      ),
      make(
        'without-hash',
        false,
        'a token that says nothing of the body',
        edit((delivery) => token(secret, delivery, { body: undefined })),
      ),
    ];
  },
};
