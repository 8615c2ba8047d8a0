// OpenAI: Standard Webhooks.
import OpenAI from 'openai';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new OpenAI({ apiKey: 'unused' });

const message = (id, event, at, created, type, data) => ({
  id,
  at,
  key: id,
  body: JSON.stringify({ id: event, object: 'event', created_at: created, type, data }),
  resource: { field: 'data.id', value: data.id ?? data.call_id },
  version: { field: 'created_at', kind: 'unix_s', value: String(created) },
});

const first = {
  ...message(
    'wh_685342e6c53c8190a1be43f081506c52',
    'evt_685343a1381c819085d44c354e1b330e',
    1750287078,
    1750287018,
    'response.completed',
    {
      id: 'resp_abc123',
    },
  ),
  change: ['resp_abc123', 'resp_abc124'],
};

export default {
  ...standard,
  name: 'openai',
  source:
    'payload: made up, fields as in openai resources/webhooks/webhooks.d.ts; signed with node crypto, verified with the SDK',
  secret: whsec('openai', 32),
  otherSecret: whsec('openai, another', 32),
  sign: signer(whsecKey),
  signed: covered(first, 'wh_685342e6c53c8190a1be43f081506c53'),
  messages: {
    first,
    second: message(
      'wh_685342e6c53c8190a1be43f081506c60',
      'evt_685343a1381c819085d44c354e1b3399',
      1750287378,
      1750287318,
      'response.completed',
      {
        id: 'resp_abc123',
      },
    ),
    others: [
      message(
        'wh_685342e6c53c8190a1be43f081506c61',
        'evt_685343a1381c819085d44c354e1b3400',
        1750287400,
        1750287390,
        'batch.failed',
        {
          id: 'batch_abc123',
        },
      ),
      message(
        'wh_685342e6c53c8190a1be43f081506c62',
        'evt_685343a1381c819085d44c354e1b3401',
        1750287500,
        1750287499,
        'realtime.call.incoming',
        {
          call_id: 'rtc_479a275623b54bdb9b6fbae2f7cbd408',
          sip_headers: [{ name: 'From', value: 'sip:søren@example.com' }],
        },
      ),
    ],
  },
  sdk: {
    name: `openai@${version('openai')} webhooks.verifySignature`,
    verify: ({ body, headers, secret }) => client.webhooks.verifySignature(body, headers, secret).then(() => true),
  },
  cases: standardCases({
    unlabelled: 'openai takes a signature without a scheme as one of v1',
    unlabelledCross: 'so does openai for Python',
    unpadded: 'openai decodes the signature and does not insist on the padding',
  }),
};
