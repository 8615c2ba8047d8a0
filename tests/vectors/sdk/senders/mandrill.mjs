// Mailchimp Transactional (Mandrill): an HMAC of the URL and of a form, which has a list of events.
import { described, mac } from '../lib/described.mjs';
import { digest } from '../lib/messages.mjs';

const URL = 'https://example.com/webhooks/mandrill';
const header = 'X-Mandrill-Signature';

/** The text that is signed: the URL, and each name with its value, in the order of the names. */
const signedText = (url, body) =>
  [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : 1)).reduce((text, pair) => text + pair.join(''), url);

const signature = (secret, body, url = URL) => mac('sha1', secret, signedText(url, body), 'base64');

const form = (at, events) => ({
  at,
  keys: events.map((event) => digest(JSON.stringify(event))),
  body: new URLSearchParams({ mandrill_events: JSON.stringify(events) }).toString(),
});

const sent = (event, ts, id) => ({
  event,
  ts,
  _id: id,
  msg: { ts: 1365109990, subject: 'Grüße', email: 'zoe@example.com', tags: [], opens: [], clicks: [], state: 'sent', _id: id },
});
const open = sent('open', 1365109999, '7a7f2e4f6d0b4b0f8a6a3f1d0c9e8b7a');
const first = { ...form(1365110060, [open]), change: ['1365109999', '1365109998'] };
const blacklisted = { type: 'blacklist', action: 'add', reject: { reason: 'hard-bounce', email: 'zoe@example.com' }, ts: 1365109999 };
const inbound = { event: 'inbound', ts: 1365109999, msg: { raw_msg: 'Received: from mail', email: 'in@example.com' } };

export default described({
  name: 'mandrill',
  by: 'mandrill.zendesk.com “Webhook Format” and “How to Authenticate Webhook Requests”',
  scheme: 'X-Mandrill-Signature: base64(HMAC-SHA1(key, URL + sorted form parameters, names and values)); no timestamp',
  url: URL,
  contentType: 'application/x-www-form-urlencoded',
  signature: header,
  signsBody: false,
  keyField: 'none (no event id): the digest of each event in mandrill_events',
  keyCovered: true,
  sign: ({ secret, body }) => ({ [header]: signature(secret, body) }),
  messages: {
    first,
    second: form(1365110120, [sent('open', 1365110059, '7a7f2e4f6d0b4b0f8a6a3f1d0c9e8b7a')]),
    others: [
      form(1365110180, [sent('click', 1365109999, '7a7f2e4f6d0b4b0f8a6a3f1d0c9e8b7a'), sent('hard_bounce', 1365109999, '8a7f')]),
      form(1365110240, [blacklisted]),
      form(1365110300, [inbound]),
    ],
  },
  cases: ({ secret }) => [
    {
      name: 'regrouped',
      message: form(1365110360, [sent('send', 1365109990, '9b7f'), open]),
      valid: true,
      reason: 'the event of the first delivery again, behind another event: the same key',
    },
    {
      name: 'body-changed',
      message: first,
      valid: false,
      body: (body) => body.replace(...first.change),
      reason: 'one character of the form changed after signing',
    },
    {
      name: 'parameter-added',
      message: first,
      valid: false,
      body: (body) => `${body}&other=1`,
      reason: 'a parameter was added after signing',
    },
    {
      name: 'url-other',
      message: first,
      valid: false,
      edit: { [header]: (_, { body }) => signature(secret, body, 'https://example.com/webhooks/other') },
      reason: 'signed for another URL',
    },
    {
      name: 'signature-sha256',
      message: first,
      valid: false,
      edit: { [header]: (_, { body }) => mac('sha256', secret, signedText(URL, body), 'base64') },
      reason: 'another algorithm',
    },
  ],
});
