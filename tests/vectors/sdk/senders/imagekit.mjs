// ImageKit: Standard Webhooks, with the text of the secret as the key.
import ImageKit from '@imagekit/nodejs';
import { named } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const client = new ImageKit({ privateKey: 'unused' });
const event = (id, type, data) => ({ id, type, created_at: '2024-06-01T07:00:00.000Z', data });
const first = named(1717225200, 'msg_1', event('e1', 'file.created', { id: 'f1', name: 'zoë.png' }), {
  change: ['"f1"', '"f2"'],
});

export default {
  ...standard,
  name: 'imagekit',
  source: 'payload: made up, fields as in @imagekit/nodejs resources/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: plain('imagekit'),
  otherSecret: plain('imagekit, another'),
  sign: signer((secret) => secret),
  signed: covered(first, 'msg_9'),
  messages: {
    first,
    second: named(1717225260, 'msg_2', event('e2', 'file.created', { id: 'f1', name: 'zoë.png' })),
    others: [named(1717225320, 'msg_3', event('e3', 'file.deleted', { id: 'f1' }))],
  },
  sdk: {
    name: `@imagekit/nodejs@${version('@imagekit/nodejs')} webhooks.unwrap`,
    verify: ({ body, headers, secret }) => Boolean(client.webhooks.unwrap(body, { headers, key: secret })),
  },
  cases: standardCases(),
};
