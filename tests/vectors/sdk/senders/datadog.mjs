// Datadog: basic authentication from the URL, and the default payload.
import { basicAuth, described } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (at, id, type) =>
  keyed(at, id, {
    body: '%%% Zoë is down %%%',
    last_updated: String(at * 1000),
    event_type: type,
    title: '[Triggered] Zoë',
    date: String(at * 1000),
    org: { id: '1', name: 'Example' },
    id,
  });

export default described({
  name: 'datadog',
  by: 'docs.datadoghq.com/integrations/webhooks, with the default payload',
  ...basicAuth('datadog'),
  keyField: 'body:id',
  messages: {
    first: event(1717225200, '6400123', 'query_alert_monitor'),
    second: event(1717225260, '6400124', 'query_alert_monitor'),
    others: [event(1717225320, '6400125', 'service_check')],
  },
});
