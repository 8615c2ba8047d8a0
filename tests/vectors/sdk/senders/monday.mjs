// monday.com: a token in Authorization that names the URL and says nothing of the body.
import jsonwebtoken from 'jsonwebtoken';
import { replaced } from '../lib/cases.mjs';
import { hmac, jwt } from '../lib/sign.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const URL = 'https://example.com/webhooks/monday';

const message = (name, at, type, more) => {
  const key = plain(`monday ${name}`);
  return {
    at,
    key,
    body: JSON.stringify({
      event: {
        userId: 4012689,
        originalTriggerUuid: null,
        boardId: 1771812698,
        pulseId: 1772099344,
        pulseName: 'Zoë',
        type,
        triggerTime: new Date(at * 1000).toISOString(),
        subscriptionId: 73759690,
        triggerUuid: key,
        ...more,
      },
    }),
    resource: { field: 'event.pulseId', value: '1772099344' },
    version: { field: 'event.triggerTime', kind: 'rfc3339', value: new Date(at * 1000).toISOString() },
  };
};

const status = { columnId: 'status', value: { label: { text: 'Done' } } };
const first = message('first', 1606808458, 'update_column_value', status);
const claims = ({ at }) => ({
  accountId: 1825529,
  userId: 4012689,
  aud: URL,
  exp: at + 300,
  shortLivedToken: 'synthetic',
  iat: at,
});
const edit = (make) => ({ Authorization: (_, delivery) => make(delivery) });

export default {
  name: 'monday',
  scheme: 'Authorization: a JWT, HS256 with the signing secret, aud = URL, exp 5 min; the body is not signed',
  source: 'payload: made up, fields from memory; signed and verified with a library that monday.com names',
  secret: plain('monday'),
  otherSecret: plain('monday, another'),
  url: URL,
  // The token lives for 300 s, and the library allows no clock skew.
  tolerance: 299,
  future: 'accepted',
  signature: 'Authorization',
  signsBody: false,
  keyField: 'body:event.triggerUuid',
  keyCovered: false,
  sign: ({ secret, ...delivery }) => ({ Authorization: jsonwebtoken.sign(claims(delivery), secret) }),
  retry: { later: 60, reason: 'a retry a minute later: the same triggerUuid in a new token' },
  messages: {
    first,
    second: message('second', 1606808518, 'update_column_value', status),
    others: [message('third', 1606808578, 'create_update', { updateId: 906056113, textBody: 'hi', replyId: null })],
  },
  sdk: {
    name: `jsonwebtoken@${version('jsonwebtoken')} verify`,
    verify: ({ headers, secret, url }) =>
      Boolean(jsonwebtoken.verify(headers.Authorization, secret, { audience: url, algorithms: ['HS256'] })),
  },
  cases: ({ secret }) => {
    const token = (delivery, more) => jsonwebtoken.sign({ ...claims(delivery), ...more }, secret);
    const make = (name, reason, edited) => ({ name, message: first, valid: false, reason, edit: edited });
    return [
      {
        name: 'body-changed',
        message: first,
        valid: true,
        body: (body) => replaced(body, first.key, uuid('monday forged')),
        key: uuid('monday forged'),
        reason: 'triggerUuid in the body was replaced: the token does not cover it',
        attack: 'the event id was replaced by the attacker',
      },
      make(
        'url-other',
        'a token for another URL',
        edit((delivery) => token(delivery, { aud: 'https://example.com/other' })),
      ),
      make(
        'alg-none',
        'an unsigned token',
        edit((delivery) => jwt({ alg: 'none', typ: 'JWT' }, claims(delivery), () => '')),
      ),
      make(
        'alg-hs512',
        'signed with HS512',
        edit((delivery) => jsonwebtoken.sign(claims(delivery), secret, { algorithm: 'HS512' })),
      ),
      make('claims-changed', 'the account in the token was replaced', {
        Authorization: (text, delivery) => {
          const [head, , tail] = text.split('.');
          const [, forged] = jwt({}, { ...claims(delivery), accountId: 1 }, (part) =>
            hmac(secret, part, 'base64url'),
          ).split('.');
          return [head, forged, tail].join('.');
        },
      }),
      {
        ...make('bearer', 'the right token behind "Bearer"', { Authorization: (text) => `Bearer ${text}` }),
        policy_dependent: true,
      },
    ];
  },
};
