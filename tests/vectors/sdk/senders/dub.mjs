// Dub: one HMAC over the body, which has the id of the event.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, name, data, createdAt) => ({ id, event: name, createdAt, data });

export default described({
  name: 'dub',
  by: 'dubinc/dub apps/web/lib/webhook/signature.ts and transform.ts',
  ...overBody({ signature: 'Dub-Signature' }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, 'evt_1', event('evt_1', 'link.clicked', { click: { id: 'c1' } }, '2024-06-01T07:00:00.000Z'), {
      change: ['"c1"', '"c2"'],
    }),
    second: keyed(1717225260, 'evt_2', event('evt_2', 'link.clicked', { click: { id: 'c1' } }, '2024-06-01T07:01:00.000Z')),
    others: [keyed(1717225320, 'evt_3', event('evt_3', 'link.created', { id: 'link_1' }, '2024-06-01T07:02:00.000Z'))],
  },
  cases: hexCases({ upper: false }),
});
