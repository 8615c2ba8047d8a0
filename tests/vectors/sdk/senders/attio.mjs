// Attio: one HMAC over the body. The id is in a header that is not signed.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { named, swapped } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const signed = overBody({ signature: 'Attio-Signature' });
const event = (type, record) => ({
  webhook_id: uuid('attio webhook'),
  events: [{ event_type: type, id: { record_id: record }, actor: { type: 'workspace-member', id: 'zoë' } }],
});

export default described({
  name: 'attio',
  by: 'docs.attio.com/rest-api/guides/webhooks',
  ...signed,
  sign: (delivery) => ({ 'Idempotency-Key': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:Idempotency-Key',
  keyCovered: false,
  messages: {
    first: named(1717225200, uuid('attio 1'), event('record.updated', 'r1'), { change: ['"r1"', '"r2"'] }),
    second: named(1717225260, uuid('attio 2'), event('record.updated', 'r1')),
    others: [named(1717225320, uuid('attio 3'), event('note.created', 'r1'))],
  },
  cases: (sender) => [...hexCases({ upper: false })(sender), swapped('Idempotency-Key', uuid('attio, swapped'))(sender)],
});
