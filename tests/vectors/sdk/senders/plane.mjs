// Plane: one HMAC over the body. Its delivery id changes with every attempt.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const message = (event, action, updated, activity) => ({
  event,
  action,
  webhook_id: 'f1a2',
  workspace_id: 'c467e125',
  data: { id: '5a1b', name: 'Zoë', updated_at: updated },
  activity,
});

export default described({
  name: 'plane',
  by: 'makeplane/plane apps/api/plane/bgtasks/webhook_task.py',
  ...overBody({ signature: 'X-Plane-Signature' }),
  ...withoutId,
  retry: {
    headers: { 'X-Plane-Delivery': '0d9e8c7b-0002' },
    reason: 'the same event again under another delivery id: the same key',
  },
  messages: {
    first: digested(1717225200, message('issue', 'update', '2024-06-01T07:00:00Z', { field: 'state', new_value: 'Done' }), {
      change: ['"Done"', '"Dome"'],
    }),
    second: digested(1717225260, message('issue', 'update', '2024-06-01T07:01:00Z', { field: 'state', new_value: 'Done' })),
    others: [digested(1717225320, message('issue', 'delete', '2024-06-01T07:02:00Z', null))],
  },
  cases: hexCases({ upper: false }),
});
