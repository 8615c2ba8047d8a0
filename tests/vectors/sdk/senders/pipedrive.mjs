// Pipedrive, version 2: basic authentication. The body has the event's id, and counts the attempts.
import { replaced } from '../lib/cases.mjs';
import { basicAuth, described } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const event = (at, { action = 'change', entity = 'deal', entity_id = '9', id, webhook_id = '11' }) =>
  keyed(at, `${webhook_id};${id};${entity_id};${action}`, {
    meta: {
      action,
      entity,
      company_id: '7',
      correlation_id: uuid(`pipedrive correlation ${id}`),
      entity_id,
      id,
      is_bulk_edit: false,
      timestamp: '2024-06-01T06:59:59.000Z',
      type: 'general',
      user_id: '3',
      version: '2.0',
      webhook_id,
      webhook_owner_id: '3',
      change_source: 'app',
      attempt: 1,
      host: 'company.pipedrive.com',
    },
    data: { id: entity_id, title: 'Zoë' },
    previous: { title: 'Zoe' },
  });

export default described({
  name: 'pipedrive',
  by: 'pipedrive.readme.io/docs/guide-for-webhooks-v2',
  ...basicAuth('pipedrive'),
  keyField: 'body:meta.webhook_id+id+entity_id+action',
  retry: { later: 150, retried: (body) => replaced(body, '"attempt":1', '"attempt":4') },
  messages: {
    first: event(1717225200, { id: uuid('pipedrive 1') }),
    second: event(1717225260, { id: uuid('pipedrive 2') }),
    others: [
      event(1717225320, { id: uuid('pipedrive 3'), action: 'create', entity: 'person' }),
      event(1717225200, { id: uuid('pipedrive 1'), webhook_id: '12' }),
      event(1717225200, { id: uuid('pipedrive 1'), action: 'delete', entity_id: '10' }),
    ],
  },
});
