// Gitea: one HMAC over the body. The id is in a header that is not signed.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { named, swapped } from '../lib/messages.mjs';

const push = (after) => ({ ref: 'refs/heads/main', after, repository: { id: 1, full_name: 'zoë/a' } });

const signed = overBody({ signature: 'X-Gitea-Signature' });

export default described({
  name: 'gitea',
  by: 'go-gitea/gitea services/webhook/deliver.go',
  ...signed,
  sign: (delivery) => ({ 'X-Gitea-Delivery': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:X-Gitea-Delivery',
  keyCovered: false,
  messages: {
    first: named(1717225200, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e01', push('28e1879d'), { change: ['28e1879d', '28e1879e'] }),
    second: named(1717225260, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e02', push('28e1879d')),
    others: [named(1717225320, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e03', { action: 'opened', number: 1, issue: { id: 7 } })],
  },
  cases: (sender) => [...hexCases({ upper: false })(sender), swapped('X-Gitea-Delivery', '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e99')(sender)],
});
