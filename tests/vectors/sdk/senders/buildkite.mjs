// Buildkite: a time and an HMAC. The body has no event id.
import { described, timed, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const message = (event, build) => ({ event, build, sender: { name: 'Zoë' } });

export default described({
  name: 'buildkite',
  by: 'buildkite/docs pages/apis/webhooks',
  ...timed({ signature: 'X-Buildkite-Signature', time: 'timestamp=', prefix: 'signature=' }),
  ...withoutId,
  messages: {
    first: digested(1619071700, message('build.running', { id: 'b1', state: 'running', started_at: '2021-04-22T06:08:20Z' }), {
      change: ['"b1"', '"b2"'],
    }),
    second: digested(1619071760, message('build.running', { id: 'b3', state: 'running', started_at: '2021-04-22T06:09:20Z' })),
    others: [digested(1619071820, message('build.finished', { id: 'b1', state: 'passed' }))],
  },
});
