// Metronome: a date and the body in one HMAC. The scheme reads no date, so it accepts any age.
import Metronome from '@metronome/sdk';
import { withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';
import { version } from '../lib/versions.mjs';

const client = new Metronome({ bearerToken: 'unused' });
const date = (at) => new Date(at * 1000).toUTCString();
const event = (id, type, properties) => ({ id, type, properties });
const first = digested(1717225200, event('m1', 'alerts.spend_threshold_reached', { customer: 'Zoë' }), {
  change: ['Zoë', 'Zoé'],
});

export default {
  name: 'metronome',
  scheme: 'Metronome-Webhook-Signature: hex(HMAC-SHA256(secret, X-Metronome-Date + newline + body)); the date is one of HTTP',
  source: 'payload: made up; signed with node crypto, verified with the SDK',
  ...withoutId,
  secret: plain('metronome', 32),
  otherSecret: plain('metronome, another', 32),
  signature: 'Metronome-Webhook-Signature',
  signed: { 'X-Metronome-Date': date(first.at + 1) },
  sign: ({ secret, at, body }) => ({
    'X-Metronome-Date': date(at),
    'Metronome-Webhook-Signature': hmac(secret, `${date(at)}\n${body}`, 'hex'),
  }),
  messages: {
    first,
    second: digested(1717225260, event('m2', 'alerts.spend_threshold_reached', { customer: 'Zoë' })),
    others: [digested(1717225320, event('m3', 'invoice.finalized', { invoice: 'i1' }))],
  },
  sdk: {
    name: `@metronome/sdk@${version('@metronome/sdk')} webhooks.unwrap`,
    verify: ({ body, headers, secret }) => Boolean(client.webhooks.unwrap(body, headers, secret)),
  },
};
