// Flux, generic-hmac: one HMAC over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const event = (reason, timestamp, message) => ({
  involvedObject: { kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
  severity: 'info',
  timestamp,
  message,
  reason,
  reportingController: 'kustomize-controller',
});

export default described({
  name: 'flux',
  by: 'fluxcd/notification-controller internal/notifier/forwarder.go',
  ...overBody({ signature: 'X-Signature', prefix: 'sha256=' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('ReconciliationSucceeded', '2024-06-01T07:00:00Z', 'applied for Zoë'), {
      change: ['applied', 'appliet'],
    }),
    second: digested(1717225260, event('ReconciliationSucceeded', '2024-06-01T07:01:00Z', 'applied for Zoë')),
    others: [digested(1717225320, event('HealthCheckFailed', '2024-06-01T07:02:00Z', 'timeout'))],
  },
  cases: hexCases({ upper: false }),
});
