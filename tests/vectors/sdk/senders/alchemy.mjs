// Alchemy: one HMAC over the body, which has the id of the event.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const event = (id, type, createdAt) => ({ webhookId: 'wh_yg0kkvlsnksbzvwz', id, createdAt, type, event: { network: 'ETH_MAINNET' } });

export default described({
  name: 'alchemy',
  by: 'alchemyplatform/docs fern/api-reference/data/webhooks',
  ...overBody({ signature: 'X-Alchemy-Signature' }),
  keyField: 'body:id',
  keyCovered: true,
  messages: {
    first: keyed(1675379484, 'whevt_1', event('whevt_1', 'ADDRESS_ACTIVITY', '2023-02-02T23:11:24.585Z'), {
      change: ['ETH_MAINNET', 'ETH_MAINMET'],
    }),
    second: keyed(1675379544, 'whevt_2', event('whevt_2', 'ADDRESS_ACTIVITY', '2023-02-02T23:12:24.585Z')),
    others: [keyed(1675379604, 'whevt_3', event('whevt_3', 'GRAPHQL', '2023-02-02T23:13:24.585Z'))],
  },
  cases: hexCases({ upper: false }),
});
