// GoCardless: one HMAC over a batch of events.
import * as webhooks from 'gocardless-nodejs/webhooks';
import { hexCases } from '../lib/hex.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const event = (id, created, resource, action, links, description) => ({
  id,
  created_at: created,
  resource_type: resource,
  action,
  links: { organisation: 'OR00003FHFWQ4Z', ...links },
  details: { origin: 'gocardless', cause: `${resource.slice(0, -1)}_${action}`, description },
  metadata: {},
  resource_metadata: {},
});

const message = (at, webhook, ...events) => ({
  at,
  keys: events.map(({ id }) => id),
  body: JSON.stringify({ events, meta: { webhook_id: webhook } }),
});

const confirmed = (id, created) =>
  event(
    id,
    created,
    'payments',
    'confirmed',
    { payment: 'PM00AAAA11BBBB' },
    'Paid by Zoë: the payment has been confirmed.',
  );

const first = {
  ...message(1714557600, 'WB0014BFYCSAMT', confirmed('EV019QX61FAQ8S', '2024-05-01T10:00:00.000Z')),
  change: ['PM00AAAA11BBBB', 'PM00AAAA11BBBC'],
};

export default {
  name: 'gocardless',
  scheme: 'Webhook-Signature: hex(HMAC-SHA256(secret, body)); no timestamp; the body is a batch',
  source:
    'payload: made up, fields as in a delivery that others published; signed with node crypto, verified with the SDK',
  secret: plain('gocardless', 40),
  otherSecret: plain('gocardless, another', 40),
  signature: 'Webhook-Signature',
  keyField: 'body:events[].id',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'Webhook-Signature': hmac(secret, body, 'hex') }),
  messages: {
    first,
    second: message(1714557660, 'WB0014BFYCSAMU', confirmed('EV019QX61FAQ8T', '2024-05-01T10:01:00.000Z')),
    others: [
      message(
        1714557720,
        'WB0014BFYCSAMV',
        event(
          'EV019QX61FAQ8U',
          '2024-05-01T10:02:00.000Z',
          'mandates',
          'cancelled',
          { mandate: 'MD0000XH9A3T4C' },
          'The mandate was cancelled.',
        ),
        event(
          'EV019QX61FAQ8V',
          '2024-05-01T10:02:01.000Z',
          'payouts',
          'paid',
          { payout: 'PO0001AB23CDEF' },
          'The payout was paid.',
        ),
      ),
      message(
        1714561320,
        'WB0014BFYCSAMW',
        event(
          'EV019QX61FAQ8V',
          '2024-05-01T10:02:01.000Z',
          'payouts',
          'paid',
          { payout: 'PO0001AB23CDEF' },
          'The payout was paid.',
        ),
        confirmed('EV019QX61FAQ8W', '2024-05-01T11:02:00.000Z'),
      ),
    ],
  },
  sdk: {
    name: `gocardless-nodejs@${version('gocardless-nodejs')} webhooks.parse`,
    verify: ({ body, headers, secret }) => Boolean(webhooks.parse(body, secret, headers['Webhook-Signature'])),
  },
  cases: hexCases({
    crossUpper: 'gocardless-pro compares the text',
    loose: 'gocardless-nodejs decodes as far as the text is hexadecimal, and ignores the rest',
  }),
};
