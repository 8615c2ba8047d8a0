// TikTok for Developers: a time and an HMAC. The body has no id of the event.
import { described, timed, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const event = (name, time, content) => ({
  client_key: 'bwo2m45353a6k85',
  event: name,
  create_time: time,
  user_openid: 'act.example12345Example12345Zoë',
  content: JSON.stringify(content),
});

export default described({
  name: 'tiktok',
  by: 'developers.tiktok.com/doc/webhooks-verification and developers.tiktok.com/doc/webhooks-events',
  ...timed({ signature: 'Tiktok-Signature', time: 't=', prefix: 's=' }),
  ...withoutId,
  messages: {
    first: digested(1717225200, event('video.publish.completed', 1717225199, { share_id: 'video.6974245311675353080.VDCxrcMJ' }), {
      change: ['VDCxrcMJ', 'VDCxrcMK'],
    }),
    second: digested(1717225260, event('video.publish.completed', 1717225259, { share_id: 'video.6974245311675353080.VDCxrcMJ' })),
    others: [
      digested(1717225320, event('authorization.removed', 1717225319, { reason: 1 })),
      digested(1717225380, event('portability.download.ready', 1717225379, { request_id: 123123123123123 })),
    ],
  },
});
