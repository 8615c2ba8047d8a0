// Hasura, event triggers: a header of the trigger. The body has the event's id, and counts the attempts.
import { replaced } from '../lib/cases.mjs';
import { described, token } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const event = (at, id, op) =>
  keyed(at, id, {
    id,
    created_at: '2024-06-01T06:59:59.601701Z',
    trigger: { name: 'users_changed' },
    table: { schema: 'public', name: 'users' },
    event: { session_variables: null, op, data: { old: null, new: { id: 1, name: 'Zoë' } } },
    delivery_info: { current_retry: 0, max_retries: 3 },
  });

export default described({
  name: 'hasura',
  by: 'hasura.io/docs/2.0/event-triggers/payload',
  ...token('Authorization'),
  keyField: 'body:id',
  retry: { retried: (body) => replaced(body, '"current_retry":0', '"current_retry":1') },
  messages: {
    first: event(1717225200, uuid('hasura 1'), 'UPDATE'),
    second: event(1717225260, uuid('hasura 2'), 'UPDATE'),
    others: [event(1717225320, uuid('hasura 3'), 'MANUAL')],
  },
});
