// Figma: a passcode in the body. Nothing is signed, and no field is an id.
import { described } from '../lib/described.mjs';
import { plain } from '../lib/secrets.mjs';

const passcode = plain('figma', 32);
const other = plain('figma, another', 32);

const message = (at, type, more) => {
  const time = new Date(at * 1000).toISOString().replace('.000', '');
  const event = { event_type: type, passcode, timestamp: time, webhook_id: '22', ...more };
  return { at, key: null, keyFields: { event_type: type, timestamp: time, webhook_id: '22' }, body: JSON.stringify(event) };
};
const file = { file_key: 'dQb3Ax9TfSJL2vQ7YuNk8m', file_name: 'Zoë', retries: 0 };
const first = message(1582489636, 'FILE_UPDATE', file);
const refused = (name, reason, from, to) => ({
  name,
  message: first,
  valid: false,
  reason,
  body: (body) => body.replace(from, to),
});

export default described({
  name: 'figma',
  by: 'github.com/figma/rest-api-spec and developers.figma.com/docs/rest-api/webhooks-security',
  scheme: 'body:passcode: the passcode of the webhook; nothing is signed',
  secret: passcode,
  otherSecret: other,
  keyField: 'none (no event id): the digest of the values of the body, without passcode and retries',
  keyCovered: false,
  sign: () => ({}),
  messages: {
    first,
    second: message(1582491436, 'FILE_UPDATE', file),
    others: [message(1582489636, 'FILE_DELETE', file), message(1582489636, 'PING', { retries: 0 })],
  },
  cases: () => [
    {
      name: 'retry-counted',
      message: first,
      later: 300,
      valid: true,
      retried: (body) => body.replace('"retries":0', '"retries":1'),
      reason: 'a retry that counts itself: the same key',
    },
    refused('passcode-wrong', 'another passcode', passcode, other),
    refused('passcode-missing', 'passcode absent', `"passcode":"${passcode}",`, ''),
    refused('passcode-empty', 'passcode empty', passcode, ''),
    refused('passcode-truncated', 'the last 6 characters of the passcode removed', passcode, passcode.slice(0, -6)),
    refused('passcode-list', 'a list with the passcode', `"${passcode}"`, `["${passcode}"]`),
  ],
});
