// ClickUp: one HMAC over the body, which has no id of the event.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const event = (type, item) => ({ event: type, history_items: [item], task_id: '1vj37mc', webhook_id: '7fa3ec74' });

export default described({
  name: 'clickup',
  by: 'developer.clickup.com/docs/webhooksignature',
  ...overBody({ signature: 'X-Signature' }),
  ...withoutId,
  messages: {
    first: digested(1642734631, event('taskUpdated', { id: '2800763136717140857', date: '1642734631523', field: 'status' }), {
      change: ['"status"', '"statuz"'],
    }),
    second: digested(1642734691, event('taskUpdated', { id: '2800763136717140858', date: '1642734691523', field: 'status' })),
    others: [digested(1642734751, { event: 'taskDeleted', task_id: '1vj37mc', webhook_id: '7fa3ec74' })],
  },
  cases: hexCases({ upper: false }),
});
