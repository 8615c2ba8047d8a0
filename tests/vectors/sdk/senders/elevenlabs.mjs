// ElevenLabs: time and HMAC in one header. No event id. Its SDK for Node is very large, so the one for Python judges.
import { hmac } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';

const header = 'ElevenLabs-Signature';

const message = (type, at, conversation, more) => ({
  at,
  keyFields: { type, 'data.conversation_id': conversation, event_timestamp: at - 1 },
  body: JSON.stringify({
    type,
    event_timestamp: at - 1,
    data: { agent_id: 'agent_3701k3ttaq12ewp8b7qv5rfyszkz', conversation_id: conversation, ...more },
  }),
  resource: { field: 'data.conversation_id', value: conversation },
  version: { field: 'event_timestamp', kind: 'unix_s', value: String(at - 1) },
});

const done = { status: 'done', transcript: [{ role: 'user', message: 'Zoë here' }] };
const first = { ...message('post_call_transcription', 1739537298, 'conv_a1', done), change: ['Zoë here', 'Zoe here'] };
const edit = (change) => ({ [header]: change });

export default {
  name: 'elevenlabs',
  scheme: 'ElevenLabs-Signature: t=<unix s>,v0=hex(HMAC-SHA256(secret, t + "." + body)); the age alone is checked',
  source: 'payload: made up, fields from memory; signed with node crypto, verified with the SDK',
  secret: `wsec_${plain('elevenlabs', 64)}`,
  otherSecret: `wsec_${plain('elevenlabs, another', 64)}`,
  tolerance: 1800,
  future: 'accepted',
  signature: header,
  keyField: 'none (no event id): type, data.conversation_id and event_timestamp',
  keyCovered: true,
  sign: ({ secret, at, body }) => ({ [header]: `t=${at},v0=${hmac(secret, `${at}.${body}`, 'hex')}` }),
  messages: {
    first,
    second: message('post_call_transcription', 1739537398, 'conv_a2', done),
    others: [message('post_call_audio', 1739537299, 'conv_a1', { full_audio: 'SUQzBAAAAAAA' })],
  },
  cases: () => {
    const make = (name, valid, reason, change, more) => ({
      name,
      message: first,
      valid,
      reason,
      edit: edit(change),
      ...more,
    });
    return [
      make('timestamp-changed', false, 'the time in the header is covered by the signature', (text, { at }) =>
        text.replace(`t=${at}`, `t=${at + 1}`),
      ),
      make('timestamp-missing', false, 'the header has no time', (text) => text.replace(/^t=\d+,/, '')),
      make('timestamp-not-a-number', false, 'the time in the header is not a number', (text) =>
        text.replace(/^t=\d+/, 't=yesterday'),
      ),
      make('order-other', true, 'signature before time', (text) => text.split(',').reverse().join(','), {
        policy_dependent: true,
      }),
      make(
        'unknown-scheme-beside',
        true,
        'a signature of an unknown scheme beside the right one',
        (text) => `${text},v1=00`,
      ),
      make('unknown-scheme-only', false, 'the right digest under an unknown scheme', (text) =>
        text.replace('v0=', 'v1='),
      ),
      make(
        'upper-case',
        false,
        'the right digest in upper case',
        (text) => text.replace(/v0=.*/, (part) => `v0=${part.slice(3).toUpperCase()}`),
        {
          policy_dependent: true,
        },
      ),
    ];
  },
};
