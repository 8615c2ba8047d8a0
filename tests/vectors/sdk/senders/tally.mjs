// Tally: one HMAC in base64 over the body, which has the event's id.
import { described, overBody } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const message = (at, name, answer, more, formId = 'VwbNEw') => {
  const eventId = uuid(`tally ${name}`);
  const data = { responseId: `r${name}`, submissionId: `r${name}`, formId, fields: [{ key: 'question_1', value: answer }] };
  return keyed(at, eventId, { eventId, eventType: 'FORM_RESPONSE', createdAt: '2024-06-01T07:00:00.000Z', data }, more);
};

export default described({
  name: 'tally',
  by: 'tally.so/help/webhooks, and as receivers read it',
  ...overBody({ signature: 'Tally-Signature', encoding: 'base64' }),
  keyField: 'body:eventId',
  keyCovered: true,
  messages: {
    first: message(1717225200, '1', 'Zoë', { change: ['"Zoë"', '"Zoé"'] }),
    second: message(1717225260, '2', 'Zoë'),
    // It has one kind of message. This one is of another form.
    others: [message(1717225320, '3', 'Zoë', {}, 'mVGEg3')],
  },
});
