// LiveKit: a token in Authorization with the body's hash.
import { createHash } from 'node:crypto';
import { AccessToken, WebhookReceiver } from 'livekit-server-sdk';
import { standingAt } from '../lib/clock.mjs';
import { hmac, jwt } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const ISSUER = 'APIsyntheticKey';
const sha256 = (body) => createHash('sha256').update(body).digest('base64');

const message = (id, at, event, more) => ({
  at,
  key: id,
  body: JSON.stringify({
    event,
    room: { sid: 'RM_hycBMAjmt6Ub', name: 'Zoë’s room' },
    id,
    createdAt: String(at),
    ...more,
  }),
  resource: { field: 'room.sid', value: 'RM_hycBMAjmt6Ub' },
  version: { field: 'createdAt', kind: 'unix_s', value: String(at) },
});

const participant = { sid: 'PA_xyz', identity: 'zoë', state: 'ACTIVE' };
const first = {
  ...message('EV_eugWmGhovZmm', 1692985556, 'participant_joined', { participant }),
  change: ['PA_xyz', 'PA_xyy'],
};

const token = async ({ secret, at, body, issuer = ISSUER }) => {
  const made = new AccessToken(issuer, secret, { ttl: '5m' });
  made.sha256 = sha256(body);
  return standingAt(at, () => made.toJwt());
};
const claims = ({ at, body }) => ({ iss: ISSUER, nbf: at, exp: at + 300, sha256: sha256(body) });
const edit = (make) => ({ Authorization: (_, delivery) => make(delivery) });

export default {
  name: 'livekit',
  scheme:
    'Authorization: a JWT, HS256 with the API secret, iss = API key, exp 5 min, sha256 = base64(SHA-256(body)); no "Bearer"',
  source: 'payload: made up, fields as in @livekit/protocol WebhookEvent; signed and verified with the SDK',
  secret: plain('livekit', 43),
  otherSecret: plain('livekit, another', 43),
  extra: { issuer: ISSUER },
  contentType: 'application/webhook+json',
  // The token lives for 300 s, and the SDK allows 10 s of clock skew.
  tolerance: 309,
  laterCross: 'livekit-api allows 60 s of clock skew',
  future: 'refused',
  signature: 'Authorization',
  keyField: 'body:id',
  keyCovered: true,
  sign: async (delivery) => ({ Authorization: await token(delivery) }),
  messages: {
    first,
    second: message('EV_eugWmGhovZmn', 1692985616, 'participant_joined', { participant }),
    others: [message('EV_eugWmGhovZmo', 1692985676, 'room_finished')],
  },
  sdk: {
    name: `livekit-server-sdk@${version('livekit-server-sdk')} WebhookReceiver.receive`,
    verify: ({ body, headers, secret }) =>
      new WebhookReceiver(ISSUER, secret).receive(body, headers.Authorization).then(Boolean),
  },
  cases: ({ secret }) => {
    const hs256 = (text) => hmac(secret, text, 'base64url');
    const make = (name, reason, edited, valid = false) => ({ name, message: first, valid, reason, edit: edited });
    return [
      make(
        'issuer-other',
        'a token of another API key',
        edit((delivery) => token({ ...delivery, secret, issuer: 'APIanother' })),
      ),
      make(
        'alg-none',
        'an unsigned token',
        edit((delivery) => jwt({ alg: 'none' }, claims(delivery), () => '')),
      ),
      make(
        'without-expiry',
        'a token that never expires',
        edit((delivery) => jwt({ alg: 'HS256' }, { ...claims(delivery), exp: undefined }, hs256)),
      ),
      make(
        'without-hash',
        'a token for the API, which says nothing of the body',
        edit((delivery) => jwt({ alg: 'HS256' }, { ...claims(delivery), sha256: undefined }, hs256)),
      ),
      make(
        'hash-in-hex',
        "the body's hash in hexadecimal",
        edit((delivery) =>
          jwt(
            { alg: 'HS256' },
            { ...claims(delivery), sha256: createHash('sha256').update(delivery.body).digest('hex') },
            hs256,
          ),
        ),
      ),
      make('bearer', 'the right token behind "Bearer"', { Authorization: (text) => `Bearer ${text}` }),
    ];
  },
};
