// Bitbucket Data Center: one HMAC over the body, and no id of the event.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const signed = overBody({ signature: 'X-Hub-Signature', prefix: 'sha256=' });
const event = (eventKey, date) => ({ eventKey, date, actor: { name: 'zoë' }, pullRequest: { id: 1, version: 1 } });

export default described({
  name: 'bitbucket-data-center',
  by: 'confluence.atlassian.com/bitbucketserver/event-payload-938025882.html',
  ...signed,
  ...withoutId,
  sign: (delivery) => ({
    'X-Request-Id': uuid(`bitbucket ${delivery.at}`),
    'X-Event-Key': JSON.parse(delivery.body).eventKey,
    ...signed.sign(delivery),
  }),
  unsigned: { 'X-Event-Key': 'pr:deleted' },
  messages: {
    first: digested(1717225200, event('pr:comment:added', '2024-06-01T07:00:00+0000'), { change: ['zoë', 'zoé'] }),
    second: digested(1717225260, event('pr:comment:added', '2024-06-01T07:01:00+0000')),
    others: [digested(1717225320, event('pr:merged', '2024-06-01T07:00:00+0000'))],
  },
  cases: hexCases({ upper: false }),
});
