// Cloudflare Stream: a time and an HMAC. The body is the video.
import { described, timed, withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';

const video = (uid, state, modified) => ({ uid, readyToStream: state === 'ready', status: { state }, meta: { name: 'Zoë' }, modified });

export default described({
  name: 'cloudflare-stream',
  by: 'cloudflare/cloudflare-docs src/content/docs/stream/manage-video-library/using-webhooks.mdx',
  ...timed({ signature: 'Webhook-Signature', time: 'time=', prefix: 'sig1=' }),
  ...withoutId,
  messages: {
    first: digested(1656611601, video('6b9e68b07dfee8cc2d116e4c51d6a957', 'ready', '2022-06-30T17:53:21.774299Z'), {
      change: ['6b9e68', '6b9e69'],
    }),
    second: digested(1656611661, video('6b9e68b07dfee8cc2d116e4c51d6a957', 'ready', '2022-06-30T17:54:21.774299Z')),
    others: [digested(1656611721, video('6b9e68b07dfee8cc2d116e4c51d6a958', 'error', '2022-06-30T17:55:21.774299Z'))],
  },
});
