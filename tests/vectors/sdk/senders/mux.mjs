// Mux: time and HMAC in one header, as Stripe does. `attempts` makes the body of each attempt another one.
import Mux from '@mux/mux-node';
import { replaced } from '../lib/cases.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new Mux({ tokenId: 'unused', tokenSecret: 'unused' });
const header = 'Mux-Signature';

const message = (name, at, type, object) => {
  const id = uuid(`mux ${name}`);
  const created = new Date(at * 1000 - 1000).toISOString();
  return {
    at,
    key: id,
    body: JSON.stringify({
      type,
      id,
      created_at: created,
      object,
      environment: { name: 'Zoë’s environment', id: 'j0863n' },
      data: { id: object.id, status: 'ready', playback_ids: [{ policy: 'public', id: 'OmcO3fw5I8dQ7xL3Dp6v' }] },
      attempts: [],
    }),
    resource: { field: 'object.id', value: object.id },
    version: { field: 'created_at', kind: 'rfc3339', value: created },
  };
};

const asset = { type: 'asset', id: '0201p02fGKPE7MrbC269XRD7LpcHhrmbu0002' };
const first = { ...message('first', 1565220904, 'video.asset.updated', asset), change: ['"ready"', '"readz"'] };
const attempt = {
  webhook_id: 3,
  response_status_code: 500,
  id: 'cd3e7e51-2e9b-4d0e-9d83-1f7f5b7d0d11',
  address: 'https://example.com/mux',
};
const list = (edit) => ({ [header]: edit });

export default {
  name: 'mux',
  scheme: 'Mux-Signature: t=<unix s>,v1=hex(HMAC-SHA256(secret, t + "." + body)); the age alone is checked',
  source:
    'payload: made up, fields as in @mux/mux-node resources/webhooks/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: plain('mux'),
  otherSecret: plain('mux, another'),
  tolerance: 300,
  future: 'accepted',
  signature: header,
  keyField: 'body:id',
  keyCovered: true,
  sign: ({ secret, at, body }) => ({ [header]: `t=${at},v1=${hmac(secret, `${at}.${body}`, 'hex')}` }),
  retry: {
    retried: (body) => replaced(body, '"attempts":[]', `"attempts":[${JSON.stringify(attempt)}]`),
    reason: 'a retry half an hour later: attempts and so the body changes, the id does not',
  },
  messages: {
    first,
    second: message('second', 1565220964, 'video.asset.updated', asset),
    others: [
      message('stream', 1565221024, 'video.live_stream.active', {
        type: 'live',
        id: 'aA02skpHXoLrbQm49qIzAG6RtewFOcDEY',
      }),
    ],
  },
  sdk: {
    name: `@mux/mux-node@${version('@mux/mux-node')} webhooks.verifySignature`,
    verify: ({ body, headers, secret }) => client.webhooks.verifySignature(body, headers, secret).then(() => true),
  },
  cases: ({ secret, otherSecret }) => {
    const digest = (key, { at, body }) => hmac(key, `${at}.${body}`, 'hex');
    const make = (name, valid, reason, edit, more) => ({
      name,
      message: first,
      valid,
      reason,
      edit: list(edit),
      ...more,
    });
    return [
      make('timestamp-changed', false, 'the time in the header is covered by the signature', (text, { at }) =>
        text.replace(`t=${at}`, `t=${at + 1}`),
      ),
      make('rotation-other-first', true, 'signed with two secrets, the second is ours', (text, delivery) =>
        text.replace(',v1=', `,v1=${digest(otherSecret, delivery)},v1=`),
      ),
      make(
        'rotation-ours-first',
        true,
        'signed with two secrets, the first is ours',
        (text, delivery) => `${text},v1=${digest(otherSecret, delivery)}`,
      ),
      make('unknown-scheme-beside', true, 'a signature of an unknown scheme beside the right one', (text) =>
        text.replace(',v1=', `,v0=${'0'.repeat(64)},v1=`),
      ),
      make('unknown-scheme-only', false, 'the right digest under an unknown scheme', (text) =>
        text.replace('v1=', 'v0='),
      ),
      make('timestamp-missing', false, 'the header has no time', (text) => text.replace(/^t=\d+,/, '')),
      make('timestamp-twice', false, 'two times in the header, the second one is signed', (text) => `t=1,${text}`, {
        divergence: 'the SDK takes the last of several times, which is the one that was signed',
      }),
      make(
        'upper-case',
        false,
        'the right digest in upper case',
        (text) => text.replace(/v1=.*/, (part) => `v1=${part.slice(3).toUpperCase()}`),
        {
          policy_dependent: true,
        },
      ),
    ];
  },
};
