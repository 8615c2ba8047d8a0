// BTCPay Server: one HMAC over the body. Each attempt has a delivery id of its own and names the first one.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, original, type, more) => ({
  deliveryId: id,
  webhookId: 'K1c7xQ5n4qzX9fJ2',
  originalDeliveryId: original,
  isRedelivery: id !== original,
  type,
  timestamp: 1717225200,
  storeId: 'zoë',
  ...more,
});

export default described({
  name: 'btcpay',
  by: 'btcpayserver/btcpayserver BTCPayServer/Plugins/Webhooks/WebhookSender.cs and BTCPayServer.Client/Models/WebhookEvent.cs',
  ...overBody({ signature: 'BTCPay-Sig', prefix: 'sha256=' }),
  keyField: 'body:originalDeliveryId',
  keyCovered: true,
  retry: {
    retried: (body) => body.replace('"deliveryId":"d1"', '"deliveryId":"d9"').replace('"isRedelivery":false', '"isRedelivery":true'),
    reason: 'the same event again under a delivery id of its own: the same key',
  },
  messages: {
    first: keyed(1717225200, 'd1', event('d1', 'd1', 'InvoiceReceivedPayment', { invoiceId: 'i1', afterExpiration: false }), {
      change: ['"i1"', '"i2"'],
    }),
    second: keyed(1717225260, 'd2', event('d2', 'd2', 'InvoiceReceivedPayment', { invoiceId: 'i1', afterExpiration: false })),
    others: [keyed(1717225320, 'd3', event('d3', 'd3', 'InvoiceSettled', { invoiceId: 'i1', manuallyMarked: false }))],
  },
  cases: hexCases({ upper: false }),
});
