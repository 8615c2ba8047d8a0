// Retell: HMAC over body and time in milliseconds, keyed with the API key. No event id.
import { Retell } from 'retell-sdk';
import { standingAt } from '../lib/clock.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const header = 'x-retell-signature';

const message = (event, at, more) => ({
  at,
  keyFields: { event, 'call.call_id': 'Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6' },
  body: JSON.stringify({
    event,
    call: {
      call_type: 'phone_call',
      call_id: 'Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6',
      agent_id: 'oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD',
      from_number: '+12137771234',
      ...more,
    },
  }),
  resource: { field: 'call.call_id', value: 'Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6' },
});

const first = {
  ...message('call_started', 1714608475, { call_status: 'ongoing', start_timestamp: 1714608474945 }),
  change: ['ongoing', 'ongoinh'],
};
const edit = (change) => ({ [header]: change });

export default {
  name: 'retell',
  scheme: 'x-retell-signature: v=<unix ms>,d=hex(HMAC-SHA256(API key, body + v))',
  source: 'payload: made up, fields from memory; signed and verified with the SDK',
  secret: `key_${plain('retell', 28)}`,
  otherSecret: `key_${plain('retell, another', 28)}`,
  tolerance: 300,
  future: 'refused',
  signature: header,
  keyField: 'none (no event id): event and call.call_id',
  keyCovered: true,
  sign: async ({ secret, at, body }) => ({ [header]: await standingAt(at, () => Retell.sign(body, secret)) }),
  messages: {
    first,
    // A call starts once: what happens again is another call.
    second: (({ body, ...other }) => ({
      ...other,
      keyFields: { event: 'call_started', 'call.call_id': 'Jabr9TXYYJHfvl6Syypi88rdAHYHmcq7' },
      body: body.replaceAll('AHYHmcq6', 'AHYHmcq7'),
      resource: { field: 'call.call_id', value: 'Jabr9TXYYJHfvl6Syypi88rdAHYHmcq7' },
    }))(message('call_started', 1714608535, { call_status: 'ongoing', start_timestamp: 1714608534945 })),
    others: [
      message('call_ended', 1714608492, {
        call_status: 'ended',
        end_timestamp: 1714608491736,
        transcript: 'Agent: hi Zoë',
      }),
      message('call_analyzed', 1714608499, {
        call_status: 'ended',
        call_analysis: { call_summary: 'Zoë rang', in_voicemail: false },
      }),
    ],
  },
  sdk: {
    name: `retell-sdk@${version('retell-sdk')} Retell.verify`,
    verify: ({ body, headers, secret }) => Retell.verify(body, secret, headers[header] ?? ''),
  },
  cases: () => [
    {
      name: 'timestamp-changed',
      message: first,
      valid: false,
      edit: edit((text) => text.replace(/v=(\d+)/, (_, time) => `v=${Number(time) + 1}`)),
      reason: 'the time in the header is covered by the signature',
    },
    {
      name: 'timestamp-shifted',
      message: first,
      valid: false,
      edit: edit((text) => text.replace(/v=1/, 'v=')),
      body: (body) => `${body}1`,
      reason:
        'the first digit of the time moved to the end of the body: both are signed without anything in between, but the time is far too old then',
    },
    {
      name: 'upper-case',
      message: first,
      valid: true,
      policy_dependent: true,
      edit: edit((text) => text.replace(/d=.*/, (part) => `d=${part.slice(2).toUpperCase()}`)),
      reason: 'the right digest in upper case',
      crossDivergence: 'retell-sdk for Python takes lower case only',
    },
    {
      name: 'order-other',
      message: first,
      valid: false,
      edit: edit((text) => text.split(',').reverse().join(',')),
      reason: 'digest before time',
    },
  ],
};
