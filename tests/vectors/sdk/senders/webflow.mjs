// Webflow: HMAC over time in milliseconds and body. No event id.
import { WebflowClient } from 'webflow-api';
import { hexCases } from '../lib/hex.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const client = new WebflowClient({ accessToken: 'unused' });

const message = (trigger, at, payload, id) => ({
  at,
  keyFields: {
    triggerType: trigger,
    'payload.id': id,
    time: Object.values(payload).find((value) => /^2024-/.test(value)),
  },
  body: JSON.stringify({ triggerType: trigger, payload }),
  resource: { field: 'payload.id', value: id },
});

const form = (id, submitted) =>
  message(
    'form_submission',
    Date.parse(submitted) / 1000 + 1,
    {
      name: 'Contact Us',
      siteId: '65427cf400e02b306eaa049c',
      data: { 'First Name': 'Zoë', email: 'zoe@example.com' },
      submittedAt: submitted,
      id,
      formId: '65429eadebe8a9f3a30f62d0',
      formElementId: '4e038d2c-6a1e-4953-7be9-a59a2b453177',
    },
    id,
  );

const first = { ...form('6321ca84df3949bfc6752327', '2024-05-01T10:00:00.000Z'), change: ['Contact Us', 'Contact Ut'] };
const header = 'x-webflow-signature';
const lax = 'the SDK does not look at the age of a delivery, which the documentation asks for';

export default {
  name: 'webflow',
  scheme:
    'x-webflow-signature: hex(HMAC-SHA256(secret, x-webflow-timestamp + ":" + body)); x-webflow-timestamp in milliseconds',
  source:
    'payload: made up, fields as in a sample of its documentation; signed with node crypto, verified with the SDK',
  secret: plain('webflow', 64),
  otherSecret: plain('webflow, another', 64),
  signature: header,
  keyField: 'none (no event id): triggerType, payload.id and its time, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, at, body }) => ({
    'x-webflow-timestamp': String(at * 1000),
    [header]: hmac(secret, `${at * 1000}:${body}`, 'hex'),
  }),
  signed: { 'x-webflow-timestamp': String(first.at * 1000 + 1) },
  messages: {
    first,
    second: form('6321ca84df3949bfc6752328', '2024-05-01T10:01:00.000Z'),
    others: [
      message(
        'collection_item_changed',
        1714557720,
        {
          id: '62b720ef280c7a7a3be8cabf',
          workspaceId: '62749158efef318abc8d5a0f',
          siteId: '62749158efef318abc8d5a0e',
          collectionId: '62b720ef280c7a7a3be8cab0',
          lastPublished: null,
          lastUpdated: '2024-05-01T10:02:00.000Z',
          isDraft: false,
          fieldData: { name: 'Zoë', slug: 'zoe' },
        },
        '62b720ef280c7a7a3be8cabf',
      ),
    ],
  },
  sdk: {
    name: `webflow-api@${version('webflow-api')} webhooks.verifySignature`,
    verify: ({ body, headers, secret }) => client.webhooks.verifySignature({ headers, body, secret }),
  },
  cases: (sender) => [
    ...hexCases({ upper: false })(sender),
    {
      name: 'too-old',
      message: first,
      after: 301,
      valid: false,
      policy_dependent: true,
      reason: 'sent 301 s before it arrives',
      divergence: lax,
    },
    {
      name: 'timestamp-missing',
      message: first,
      valid: false,
      headers: { 'x-webflow-timestamp': undefined },
      reason: 'x-webflow-timestamp absent',
    },
    {
      name: 'timestamp-never-sent',
      message: first,
      valid: false,
      headers: { 'x-webflow-timestamp': undefined },
      edit: { [header]: (_, { body }) => hmac(sender.secret, `undefined:${body}`, 'hex') },
      reason: 'x-webflow-timestamp absent, and the word "undefined" signed in its place',
      divergence:
        'the SDK puts the word "undefined" in the place of a missing header; only the holder of the secret can sign that',
    },
  ],
};
