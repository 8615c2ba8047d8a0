// LaunchDarkly: one HMAC over the body, which is an entry of the audit log.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { keyed } from '../lib/messages.mjs';

const entry = (_id, date, action) => ({ _id, date, accesses: [{ action, resource: 'proj/zoë:env/test' }], name: 'Testing' });

export default described({
  name: 'launchdarkly',
  by: 'launchdarkly.com/docs/home/infrastructure/webhooks and /docs/api/webhooks',
  ...overBody({ signature: 'X-LD-Signature' }),
  keyField: 'body:_id',
  keyCovered: true,
  messages: {
    first: keyed(1472243938, '57c0a8e29969090743529965', entry('57c0a8e29969090743529965', 1472243938774, 'updateName'), {
      change: ['Testing', 'Testimg'],
    }),
    second: keyed(1472243998, '57c0a8e29969090743529966', entry('57c0a8e29969090743529966', 1472243998774, 'updateName')),
    others: [keyed(1472244058, '57c0a8e29969090743529967', entry('57c0a8e29969090743529967', 1472244058774, 'updateTags'))],
  },
  cases: hexCases({ upper: false }),
});
