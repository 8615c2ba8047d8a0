// Render: Standard Webhooks.
import { Webhook } from 'standardwebhooks';
import { named } from '../lib/messages.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const event = (type, id, serviceId) => ({ type, timestamp: '2024-06-01T07:00:00Z', data: { id, serviceId, serviceName: 'zoë' } });
const first = named(1717225200, 'evt-1', event('deploy_ended', 'evt-1', 'srv-1'), { change: ['srv-1', 'srv-2'] });

export default {
  ...standard,
  name: 'render',
  source: 
    'payload: made up, fields as in render-examples/webhook-github-action render.ts, which verifies with the same library; signed with node crypto, verified with the library of Standard Webhooks',
  secret: whsec('render'),
  otherSecret: whsec('render, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_9'),
  messages: {
    first,
    second: named(1717225260, 'evt-2', event('deploy_ended', 'evt-2', 'srv-1')),
    others: [named(1717225320, 'evt-3', event('deploy_started', 'evt-3', 'srv-1'))],
  },
  sdk: {
    name: `standardwebhooks@${version('standardwebhooks')} Webhook.verify`,
    verify: ({ body, headers, secret }) => Boolean(new Webhook(secret).verify(body, headers)),
  },
  cases: standardCases(),
};
