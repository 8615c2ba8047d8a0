// Hugging Face: the secret in a header. The id is in another header.
import { described, token } from '../lib/described.mjs';
import { named, swapped } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const secret = token('X-Webhook-Secret');
const event = (scope, action) => ({ event: { action, scope }, repo: { type: 'model', name: 'zoë/a', id: '621ffdc0' } });

export default described({
  name: 'hugging-face',
  by: 'huggingface/hub-docs docs/hub/webhooks.md',
  ...secret,
  sign: (delivery) => ({ 'Webhook-Id': delivery.id, ...secret.sign(delivery) }),
  keyField: 'header:Webhook-Id',
  messages: {
    first: named(1717225200, uuid('hugging face 1'), event('repo.content', 'update')),
    second: named(1717225260, uuid('hugging face 2'), event('repo.content', 'update')),
    others: [named(1717225320, uuid('hugging face 3'), event('discussion', 'create'))],
  },
  cases: (sender) => [swapped('Webhook-Id', uuid('hugging face, swapped'))(sender)],
});
