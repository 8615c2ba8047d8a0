// Wistia: one HMAC over a batch of events, each with an id.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { batch } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const event = (name, type) => ({
  uuid: uuid(`wistia ${name}`),
  type,
  payload: { visitor: { id: 'v1' }, media: { id: '26sk4lmiix', name: 'Zoë' } },
  generated_at: '2024-06-01T06:59:59Z',
});
const wrapped = (hook) => (events) => ({ hook: { uuid: uuid(`wistia hook ${hook}`) }, events });
const message = (at, hook, ...events) => batch(at, events, wrapped(hook), ({ uuid: id }) => id);

const play = event('1', 'viewing_session.play');

export default described({
  name: 'wistia',
  by: 'docs.wistia.com/docs/webhooks',
  ...overBody({ signature: 'X-Wistia-Signature' }),
  keyField: 'body:events[].uuid',
  keyCovered: true,
  messages: {
    first: { ...message(1717225200, '1', play), change: ['26sk4lmiix', '26sk4lmiiy'] },
    second: message(1717225260, '2', event('2', 'viewing_session.play')),
    others: [message(1717225320, '3', event('3', 'media.ready'), event('4', 'viewing_session.percent_watched'))],
  },
  cases: (sender) => [
    ...hexCases({ upper: false })(sender),
    {
      name: 'regrouped',
      message: message(1717225380, '5', event('5', 'viewing_session.play'), play),
      valid: true,
      reason: 'the event of the first delivery again, behind another event: the same key',
    },
  ],
});
