// Replicate: Standard Webhooks around the bare prediction, whose id is the same in each of its events.
import { validateWebhook } from 'replicate';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const prediction = (status, more) =>
  JSON.stringify({
    id: 'ufawqhfynnddngldkgtslldrkq',
    model: 'replicate/hello-world',
    version: '5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa',
    input: { text: 'Zoë' },
    logs: '',
    error: null,
    status,
    created_at: '2025-02-26T20:23:34.000000Z',
    ...more,
  });

const resource = { field: 'id', value: 'ufawqhfynnddngldkgtslldrkq' };
const message = (id, at, body) => ({ id, at, body, key: id, resource });

const first = {
  ...message(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1740601415,
    prediction('processing', { started_at: '2025-02-26T20:23:35.000000Z' }),
  ),
  change: ['"processing"', '"processinh"'],
};

export default {
  ...standard,
  agelessCross: 'nor does the one for Python, unless it is given a tolerance',
  ageless: 'the SDK does not look at the timestamp; the documentation asks for it',
  name: 'replicate',
  source:
    'payload: made up, fields as in replicate index.d.ts Prediction; signed with node crypto, verified with the SDK',
  secret: whsec('replicate'),
  otherSecret: whsec('replicate, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_p5jXN8AQM9LWM0D4loKWxJel'),
  messages: {
    first,
    second: message('msg_p5jXN8AQM9LWM0D4loKWxJem', 1740601420, prediction('processing', { logs: 'one step' })),
    others: [
      message(
        'msg_p5jXN8AQM9LWM0D4loKWxJen',
        1740601425,
        prediction('succeeded', { output: 'hello Zoë', completed_at: '2025-02-26T20:23:45.000000Z' }),
      ),
    ],
  },
  sdk: {
    name: `replicate@${version('replicate')} validateWebhook`,
    verify: ({ body, headers, secret }) =>
      validateWebhook({
        id: headers['webhook-id'],
        timestamp: headers['webhook-timestamp'],
        signature: headers['webhook-signature'],
        body,
        secret,
      }),
  },
  cases: standardCases({
    mislabelled: 'the SDK does not look at the scheme',
    mislabelledCross: 'nor does the one for Python',
  }),
};
