// Harbor: the authentication header of the policy. Nothing is signed, and the body has no event id.
import { described, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const event = (type, time, data) => ({ type, occur_at: time, operator: 'admin', event_data: data });

export default described({
  name: 'harbor',
  by: 'goharbor/harbor src/jobservice/job/impl/notification/webhook_job.go and src/pkg/notifier/model/event.go',
  scheme: 'Authorization: the secret; nothing is signed',
  ...withoutId,
  keyCovered: false,
  signature: 'Authorization',
  signsBody: false,
  sign: ({ secret }) => ({ Authorization: secret }),
  messages: {
    first: digested(1717225200, event('PUSH_ARTIFACT', 1717225199, { repository: { name: 'zoë' } })),
    second: digested(1717225260, event('PUSH_ARTIFACT', 1717225259, { repository: { name: 'zoë' } })),
    others: [digested(1717225320, event('DELETE_ARTIFACT', 1717225319, { repository: { name: 'zoë' } }))],
  },
});
