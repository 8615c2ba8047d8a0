// RevenueCat with a signing secret: a time and an HMAC. The body has the event's id.
import { described, timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const event = (at, id, type, more) =>
  keyed(
    at,
    id,
    {
      api_version: '1.0',
      event: { id, type, app_user_id: 'zoë', product_id: 'pro', event_timestamp_ms: at * 1000 - 1000, environment: 'PRODUCTION' },
    },
    more,
  );

export default described({
  name: 'revenuecat-signed',
  by: 'www.revenuecat.com/docs/integrations/webhooks, and the signature as receivers read it',
  ...timed({ signature: 'X-RevenueCat-Webhook-Signature', time: 't=', prefix: 'v1=' }),
  keyField: 'body:event.id',
  keyCovered: true,
  messages: {
    first: event(1717225200, uuid('revenuecat 1'), 'RENEWAL', { change: ['zoë', 'zoé'] }),
    second: event(1717225260, uuid('revenuecat 2'), 'RENEWAL'),
    others: [event(1717225320, uuid('revenuecat 3'), 'CANCELLATION')],
  },
});
