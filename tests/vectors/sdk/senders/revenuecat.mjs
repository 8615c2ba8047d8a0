// RevenueCat: the authorization header that its user chooses. The body has the event's id.
import { described, token } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const event = (at, id, type) =>
  keyed(at, id, {
    api_version: '1.0',
    event: { id, type, app_user_id: 'zoë', product_id: 'pro', event_timestamp_ms: at * 1000 - 1000, environment: 'PRODUCTION' },
  });

export default described({
  name: 'revenuecat',
  by: 'www.revenuecat.com/docs/integrations/webhooks',
  ...token('Authorization'),
  keyField: 'body:event.id',
  messages: {
    first: event(1717225200, uuid('revenuecat 1'), 'RENEWAL'),
    second: event(1717225260, uuid('revenuecat 2'), 'RENEWAL'),
    others: [event(1717225320, uuid('revenuecat 3'), 'CANCELLATION')],
  },
});
