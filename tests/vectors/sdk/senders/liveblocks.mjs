// Liveblocks: Standard Webhooks with a verifier of its own; the body has no event id.
import { WebhookHandler } from '@liveblocks/node';
import { covered, signer, standard, standardCases } from '../lib/standard.mjs';
import { whsec, whsecKey } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const message = (id, at, type, more) => {
  const time = new Date(at * 1000).toISOString();
  return {
    id,
    at,
    key: id,
    body: JSON.stringify({
      type,
      data: { projectId: '605a50b01a36d5ea7a2e9104', roomId: 'zoë’s room', ...more(time) },
    }),
    resource: { field: 'data.roomId', value: 'zoë’s room' },
  };
};

const comment = (time) => ({ threadId: 'th_d75sF3', commentId: 'cm_agH76a', editedAt: time });
const first = {
  ...message('msg_2KbXwKLXbCwUcRtVgDXZ6Jq0', 1750000000, 'commentEdited', comment),
  change: ['cm_agH76a', 'cm_agH76b'],
};

export default {
  ...standard,
  name: 'liveblocks',
  source: 'payload: made up, fields as in @liveblocks/node index.d.ts; signed with node crypto, verified with the SDK',
  secret: whsec('liveblocks'),
  otherSecret: whsec('liveblocks, another'),
  sign: signer(whsecKey),
  signed: covered(first, 'msg_2KbXwKLXbCwUcRtVgDXZ6Jzz'),
  messages: {
    first,
    second: message('msg_2KbXwKLXbCwUcRtVgDXZ6Jq1', 1750000060, 'commentEdited', comment),
    others: [
      message('msg_2KbXwKLXbCwUcRtVgDXZ6Jq2', 1750000120, 'storageUpdated', (updatedAt) => ({ updatedAt })),
      message('msg_2KbXwKLXbCwUcRtVgDXZ6Jq3', 1750000180, 'userEntered', (enteredAt) => ({
        connectionId: 4,
        userId: 'zoë',
        numActiveUsers: 8,
        enteredAt,
      })),
    ],
  },
  sdk: {
    name: `@liveblocks/node@${version('@liveblocks/node')} WebhookHandler.verifyRequest`,
    verify: ({ body, headers, secret }) =>
      Boolean(new WebhookHandler(secret).verifyRequest({ headers, rawBody: body })),
  },
  cases: standardCases({ mislabelled: 'the SDK does not look at the scheme' }),
};
