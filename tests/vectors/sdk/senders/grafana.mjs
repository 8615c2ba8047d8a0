// Grafana Alerting: one HMAC over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const alert = (status, startsAt, endsAt) => ({
  receiver: 'hooks',
  status,
  alerts: [{ status, labels: { alertname: 'Zoë' }, startsAt, endsAt, fingerprint: 'c6eadffa33fcdf37' }],
  groupKey: '{}:{alertname="Zoë"}',
  truncatedAlerts: 0,
  orgId: 1,
});

export default described({
  name: 'grafana',
  by: 'grafana/alerting http/hmac.go and receivers/webhook/v1/webhook.go',
  ...overBody({ signature: 'X-Grafana-Alerting-Signature' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, alert('firing', '2024-06-01T07:00:00Z', '0001-01-01T00:00:00Z'), {
      change: ['"orgId":1', '"orgId":2'],
    }),
    second: digested(1717228800, alert('firing', '2024-06-01T08:00:00Z', '0001-01-01T00:00:00Z')),
    others: [digested(1717229400, alert('resolved', '2024-06-01T07:00:00Z', '2024-06-01T08:10:00Z'))],
  },
  cases: hexCases({ upper: false }),
});
