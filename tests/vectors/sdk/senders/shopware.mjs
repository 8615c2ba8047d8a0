// Shopware, app system: one HMAC over the body with the secret of the shop. The body has the event's id.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, name, payload) => ({
  data: { payload, event: name },
  source: { url: 'https://zoë.example', appVersion: '1.0.0', shopId: 'dgrH7nLU6tlE', eventId: id },
  timestamp: 1717225199,
});
const product = [{ entity: 'product', primaryKey: '7b04ebe416db4ebc93de4d791325e1d9', operation: 'update', updatedFields: ['name'] }];

export default described({
  name: 'shopware',
  by: 'developer.shopware.com/docs/guides/plugins/apps/webhook.html',
  ...overBody({ signature: 'shopware-shop-signature' }),
  keyField: 'body:source.eventId',
  keyCovered: true,
  messages: {
    first: keyed(1717225200, 'f2c1', event('f2c1', 'product.written', product), { change: ['1.0.0', '1.0.1'] }),
    second: keyed(1717225260, 'f2c2', event('f2c2', 'product.written', product)),
    others: [keyed(1717225320, 'f2c3', event('f2c3', 'app.deleted', []))],
  },
  cases: hexCases({ upper: false }),
});
