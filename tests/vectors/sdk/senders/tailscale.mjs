// Tailscale: a time and an HMAC. The body is a list of events without ids.
import { described, timed } from '../lib/described.mjs';
import { batch } from '../lib/messages.mjs';

const node = (type, timestamp) => ({ timestamp, version: 1, type, tailnet: 'zoë.example.com', message: type, data: { nodeID: 'node1' } });

export default described({
  name: 'tailscale',
  by: 'tailscale/tailscale docs/webhooks/example.go',
  ...timed({ signature: 'Tailscale-Webhook-Signature', time: 't=', prefix: 'v1=' }),
  keyField: 'none (no event ids): the digest of each event',
  keyCovered: true,
  messages: {
    first: { ...batch(1663783234, [node('nodeCreated', '2022-09-21T13:37:51Z'), node('nodeApproved', '2022-09-21T13:37:52Z')]), change: ['node1', 'node2'] },
    second: batch(1663783294, [node('nodeCreated', '2022-09-21T13:38:51Z')]),
    others: [batch(1663783354, [node('policyUpdate', '2022-09-21T13:39:51Z')])],
  },
});
