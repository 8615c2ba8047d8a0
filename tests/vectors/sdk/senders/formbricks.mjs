// Formbricks: Standard Webhooks.
import { Webhook } from 'standardwebhooks';
import { digest, named } from '../lib/messages.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const event = (name, id) => ({ webhookId: 'w1', event: name, data: { id, surveyId: 's1', data: { q1: 'Zoë' } } });
const first = named(1717225200, digest('job 1'), event('responseFinished', 'r1'), { change: ['"s1"', '"s2"'] });

export default {
  ...standard,
  name: 'formbricks',
  source: 
    'payload: made up, fields as in formbricks/formbricks apps/web/modules/response-pipeline/lib/process-response-pipeline-job.ts; signed with node crypto, verified with the library of Standard Webhooks',
  secret: whsec('formbricks'),
  otherSecret: whsec('formbricks, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_9'),
  messages: {
    first,
    second: named(1717225260, digest('job 2'), event('responseFinished', 'r2')),
    others: [named(1717225320, digest('job 3'), event('responseUpdated', 'r1'))],
  },
  sdk: {
    name: `standardwebhooks@${version('standardwebhooks')} Webhook.verify`,
    verify: ({ body, headers, secret }) => Boolean(new Webhook(secret).verify(body, headers)),
  },
  cases: standardCases(),
};
