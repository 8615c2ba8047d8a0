// Persona: a time and an HMAC. The body has the id of the event.
import { described, timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, name, inquiry) => ({ data: { type: 'event', id, attributes: { name, payload: { data: { id: inquiry, note: 'Zoë' } } } } });

export default described({
  name: 'persona',
  by: 'docs.withpersona.com "Webhook Best Practices", and the fields as receivers read them',
  ...timed({ signature: 'Persona-Signature', time: 't=', prefix: 'v1=' }),
  keyField: 'body:data.id',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, 'evt_1', event('evt_1', 'inquiry.completed', 'inq_1'), { change: ['inq_1', 'inq_2'] }),
    second: keyed(1717225260, 'evt_2', event('evt_2', 'inquiry.completed', 'inq_1')),
    others: [keyed(1717225320, 'evt_3', event('evt_3', 'inquiry.approved', 'inq_1'))],
  },
});
