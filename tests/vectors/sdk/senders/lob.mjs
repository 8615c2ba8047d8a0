// Lob: a time in milliseconds and the body in one HMAC. The body has the event's id.
import { described, mac } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, type) => ({
  id,
  body: { id: 'psc_1', to: { name: 'Zoë' } },
  reference_id: 'psc_1',
  event_type: { id: type, resource: 'postcards', object: 'event_type' },
  date_created: '2024-06-01T06:59:59.000Z',
  object: 'event',
});
const first = keyed(1717225200, 'evt_1', event('evt_1', 'postcard.created'), { change: ['Zoë', 'Zoé'] });

export default described({
  name: 'lob',
  by: 'help.lob.com "Using webhooks", and as receivers read them',
  scheme: 'Lob-Signature: hex(HMAC-SHA256(secret, Lob-Signature-Timestamp + "." + body)); the time is in milliseconds',
  signature: 'Lob-Signature',
  tolerance: 300,
  signed: { 'Lob-Signature-Timestamp': String((first.at + 1) * 1000) },
  sign: ({ secret, at, body }) => ({
    'Lob-Signature-Timestamp': String(at * 1000),
    'Lob-Signature': mac('sha256', secret, `${at * 1000}.${body}`, 'hex'),
  }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first,
    second: keyed(1717225260, 'evt_2', event('evt_2', 'postcard.created')),
    others: [keyed(1717225320, 'evt_3', event('evt_3', 'postcard.delivered'))],
  },
});
