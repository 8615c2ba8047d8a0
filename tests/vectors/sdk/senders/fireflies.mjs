// Fireflies.ai, version 2: one HMAC over the body. It has the time of the event, and no id. Version 1 has no time.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const message = (at, event, timestamp, more) =>
  keyed(at, `${event};ASxwZxCstx;${timestamp}`, { event, timestamp, meeting_id: 'ASxwZxCstx', client_reference_id: 'zoë' }, more);
const older = { meetingId: 'ASxwZxCstx', eventType: 'Transcription completed', clientReferenceId: null };

export default described({
  name: 'fireflies',
  by: 'docs.fireflies.ai/graphql-api/webhooks-v2',
  ...overBody({ signature: 'X-Hub-Signature', prefix: 'sha256=' }),
  keyField: 'body:event + body:meeting_id + body:timestamp',
  keyCovered: true,
  messages: {
    first: message(1717225200, 'meeting.transcribed', 1717225199210, { change: ['ASxwZxCstx', 'ASxwZxCsty'] }),
    second: message(1717225260, 'meeting.transcribed', 1717225259210),
    others: [message(1717225320, 'meeting.summarized', 1717225199210)],
  },
  cases: (sender) => [
    ...hexCases({ upper: false })(sender),
    {
      name: 'version-1',
      message: { at: 1717225380, key: null, body: JSON.stringify(older) },
      valid: true,
      reason: 'a message of version 1, which has nothing to tell two events of a meeting apart',
    },
  ],
});
