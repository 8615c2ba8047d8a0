// Brex: Standard Webhooks.
import { Webhook } from 'standardwebhooks';
import { named } from '../lib/messages.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';

const event = (type, id) => ({ event_type: type, transfer_id: id, company_id: 'zoë' });
const first = named(1717225200, 'msg_1', event('TRANSFER_PROCESSED', 't1'), { change: ['"t1"', '"t3"'] });

export default {
  ...standard,
  name: 'brex',
  source: 
    'payload: made up, fields as in developer.brex.com/docs/webhooks; the scheme as trigger.dev/apis/brex/examples/brex-http-endpoint reads it; signed with node crypto, verified with the library of Standard Webhooks',
  secret: whsec('brex'),
  otherSecret: whsec('brex, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_9'),
  messages: {
    first,
    second: named(1717225260, 'msg_2', event('TRANSFER_PROCESSED', 't2')),
    others: [named(1717225320, 'msg_3', event('TRANSFER_FAILED', 't1'))],
  },
  sdk: {
    name: `standardwebhooks@${version('standardwebhooks')} Webhook.verify`,
    verify: ({ body, headers, secret }) => Boolean(new Webhook(secret).verify(body, headers)),
  },
  cases: standardCases(),
};
