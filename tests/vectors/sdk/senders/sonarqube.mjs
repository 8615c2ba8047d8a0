// SonarQube: one HMAC over the body.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const analysis = (taskId, status, analysedAt) => ({
  taskId,
  status,
  analysedAt,
  project: { key: 'zoë' },
  qualityGate: { name: 'Sonar way', status: 'OK' },
});

export default described({
  name: 'sonarqube',
  by: 'docs.sonarsource.com "Webhooks"; the header and the encoding as several receivers read them',
  ...overBody({ signature: 'X-Sonar-Webhook-HMAC-SHA256' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, analysis('AVh21JS2JepAEhwQ-b3u', 'SUCCESS', '2024-06-01T07:00:00+0000'), {
      change: ['"OK"', '"OL"'],
    }),
    second: digested(1717225260, analysis('AVh21JS2JepAEhwQ-b3v', 'SUCCESS', '2024-06-01T07:01:00+0000')),
    others: [digested(1717225320, analysis('AVh21JS2JepAEhwQ-b3w', 'FAILED', '2024-06-01T07:02:00+0000'))],
  },
  cases: hexCases({ upper: false }),
});
