// Orb: HMAC over time and body; the time is text without a zone.
import Orb from 'orb-billing';
import { hmac } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

// The SDK prints some of its refusals.
console.warn = () => undefined;

const client = new Orb({ apiKey: 'unused' });
const stamp = (at) => new Date(at * 1000).toISOString().replace('Z', '123');

const message = (id, type, at, more) => ({
  at,
  key: id,
  body: JSON.stringify({ id, created_at: `${stamp(at - 1)}+00:00`, type, ...more }),
  resource: { field: Object.keys(more).at(-1), value: Object.values(more).at(-1).id },
  version: { field: 'created_at', kind: 'rfc3339', value: `${stamp(at - 1)}+00:00` },
});

const invoice = {
  id: 'LGEM4CCFtCzL6jfU',
  customer: { id: 'ERhXEyzVcTJ8xmZ4', external_customer_id: 'zoë' },
  amount_due: '8.00',
  currency: 'USD',
};
const first = {
  ...message('o4mmewpfNNTnjfZc', 'invoice.issued', 1709254800, {
    properties: { automatically_marked_as_paid: false },
    invoice,
  }),
  change: ['"8.00"', '"9.00"'],
};

const list = (signatures) => ({ 'X-Orb-Signature': signatures });

export default {
  name: 'orb',
  scheme:
    'X-Orb-Signature: "v1=" + hex(HMAC-SHA256(secret, "v1:" + X-Orb-Timestamp + ":" + body)), a list separated by spaces; X-Orb-Timestamp is ISO 8601 in UTC, with or without a zone',
  source:
    'payload: made up, envelope as in docs.withorb.com, the rest from memory; signed with node crypto, verified with the SDK',
  secret: plain('orb', 64),
  otherSecret: plain('orb, another', 64),
  tolerance: 300,
  future: 'refused',
  signature: 'X-Orb-Signature',
  keyField: 'body:id',
  keyCovered: true,
  sign: ({ secret, at, body }) => ({
    'X-Orb-Timestamp': stamp(at),
    'X-Orb-Signature': `v1=${hmac(secret, `v1:${stamp(at)}:${body}`, 'hex')}`,
  }),
  signed: { 'X-Orb-Timestamp': stamp(first.at + 1) },
  messages: {
    first,
    second: message('o4mmewpfNNTnjfZd', 'invoice.issued', 1709254860, {
      properties: { automatically_marked_as_paid: false },
      invoice,
    }),
    others: [
      message('o4mmewpfNNTnjfZe', 'subscription.started', 1709254920, {
        properties: {},
        subscription: { id: 'VDGsT23osdLb84KD' },
      }),
    ],
  },
  sdk: {
    name: `orb-billing@${version('orb-billing')} webhooks.verifySignature`,
    verify: ({ body, headers, secret }) => client.webhooks.verifySignature(body, headers, secret),
  },
  cases: ({ sign, otherSecret, secret }) => {
    const other = async (delivery) => (await sign({ ...delivery, secret: otherSecret }))['X-Orb-Signature'];
    const make = (name, valid, reason, change) => ({ name, message: first, valid, reason, ...change });
    return [
      make('rotation-other-first', true, 'signed with two secrets, the second is ours', {
        edit: list(async (ours, delivery) => `${await other(delivery)} ${ours}`),
      }),
      make('rotation-none-ours', false, 'signed with two secrets, neither is ours', {
        signedWith: otherSecret,
        edit: list((one) => `${one} ${one}`),
      }),
      make('unknown-scheme-beside', true, 'a signature of an unknown scheme beside the right one', {
        edit: list((ours) => `v2=${'0'.repeat(64)} ${ours}`),
      }),
      make('unknown-scheme-only', false, 'the right digest under an unknown scheme', {
        edit: list((ours) => ours.replace('v1=', 'v2=')),
      }),
      make('upper-case', false, 'the right digest in upper case', {
        policy_dependent: true,
        edit: list((ours) => `v1=${ours.slice(3).toUpperCase()}`),
      }),
      make('timestamp-with-zone', true, 'X-Orb-Timestamp ends in Z, as signed', {
        headers: { 'X-Orb-Timestamp': `${stamp(first.at)}Z` },
        edit: list((_, { at, body }) => `v1=${hmac(secret, `v1:${stamp(at)}Z:${body}`, 'hex')}`),
      }),
      make('timestamp-missing', false, 'X-Orb-Timestamp absent', { headers: { 'X-Orb-Timestamp': undefined } }),
      make('timestamp-not-a-time', false, 'X-Orb-Timestamp is not a time', {
        headers: { 'X-Orb-Timestamp': 'yesterday' },
      }),
    ];
  },
};
