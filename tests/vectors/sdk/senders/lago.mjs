// Lago, HMAC: one HMAC over the body in base64. The id is in a header that is not signed.
import { described, overBody } from '../lib/described.mjs';
import { named, swapped } from '../lib/messages.mjs';

const signed = overBody({ signature: 'X-Lago-Signature', encoding: 'base64' });

export default described({
  name: 'lago',
  by: 'getlago/lago-api app/models/webhook.rb',
  ...signed,
  sign: (delivery) => ({ 'X-Lago-Unique-Key': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:X-Lago-Unique-Key',
  keyCovered: false,
  messages: {
    first: named(1717225200, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e01', { webhook_type: 'invoice.created', object_type: 'invoice', invoice: { lago_id: 'i1', number: 'Zoë-1' } }, { change: ['"i1"', '"i2"'] }),
    second: named(1717225260, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e02', { webhook_type: 'invoice.created', object_type: 'invoice', invoice: { lago_id: 'i1', number: 'Zoë-1' } }),
    others: [named(1717225320, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e03', { webhook_type: 'fee.created', object_type: 'fee', fee: { lago_id: 'f1' } })],
  },
  cases: (sender) => [swapped('X-Lago-Unique-Key', '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e99')(sender)],
});
