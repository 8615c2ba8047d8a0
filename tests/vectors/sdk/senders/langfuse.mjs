// Langfuse: a time and an HMAC. The body has the id of the execution, and a time of its own at each attempt.
import { described, timed } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';

const prompt = (id, action, timestamp) => ({ id, timestamp, type: 'prompt-version', apiVersion: 'v1', action, prompt: { name: 'Zoë', version: 2 } });

export default described({
  name: 'langfuse',
  by: 'langfuse/langfuse packages/shared/src/encryption/signature.ts and domain/webhooks.ts',
  ...timed({ signature: 'x-langfuse-signature', time: 't=', prefix: 'v1=' }),
  keyField: 'body:id',
  keyCovered: true,
  retry: {
    retried: (body) => body.replace('07:00:00', '07:30:00'),
    reason: 'the same event again, written anew with another time: the same key',
  },
  messages: {
    first: keyed(1717225200, 'x1', prompt('x1', 'updated', '2024-06-01T07:00:00.000Z'), { change: ['"version":2', '"version":3'] }),
    second: keyed(1717225260, 'x2', prompt('x2', 'updated', '2024-06-01T07:01:00.000Z')),
    others: [keyed(1717225320, 'x3', prompt('x3', 'deleted', '2024-06-01T07:02:00.000Z'))],
  },
});
