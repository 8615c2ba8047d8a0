// Expo, EAS: one HMAC-SHA1 over the body, and no id of the event.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const job = (id, status) => ({
  id,
  accountName: 'zoë',
  projectName: 'a',
  status,
  createdAt: '2024-06-01T06:50:00.000Z',
  completedAt: '2024-06-01T07:00:00.000Z',
});

export default described({
  name: 'expo',
  by: 'docs.expo.dev/eas/webhooks, and as receivers read them',
  ...overBody({ signature: 'expo-signature', prefix: 'sha1=', algorithm: 'sha1' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, job('147a3212-49fd-446f-b4e3-a6519acf264a', 'finished'), { change: ['finished', 'canceled'] }),
    second: digested(1717225260, job('147a3212-49fd-446f-b4e3-a6519acf264b', 'finished')),
    others: [digested(1717225320, job('147a3212-49fd-446f-b4e3-a6519acf264a', 'errored'))],
  },
  cases: (sender) => hexCases({ upper: false })(sender).filter(({ name }) => name !== 'prefix-other'),
});
