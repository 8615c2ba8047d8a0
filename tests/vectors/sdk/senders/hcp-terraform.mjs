// HCP Terraform: one HMAC-SHA512 over the body, which has no event id.
import { described, overBody, withoutId } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested } from '../lib/messages.mjs';

const run = (trigger, status, updated) => ({
  payload_version: 1,
  notification_configuration_id: 'nc-AeUQ2zfKZzW9TiGZ',
  run_id: 'run-FwnENkvDnrpyFC7M',
  run_message: 'Zoë',
  notifications: [{ message: status, trigger, run_status: status, run_updated_at: updated, run_updated_by: 'sample-user' }],
});

export default described({
  name: 'hcp-terraform',
  by: 'hashicorp/terraform-docs-common website/docs/cloud-docs/api-docs/notification-configurations.mdx',
  ...overBody({ signature: 'X-TFE-Notification-Signature', algorithm: 'sha512' }),
  ...withoutId,
  messages: {
    first: digested(1548441424, run('run:planning', 'planning', '2019-01-25T18:37:04.000Z'), {
      change: ['nc-AeUQ2', 'nc-AeUQ3'],
    }),
    second: digested(1548441484, run('run:planning', 'planning', '2019-01-25T18:38:04.000Z')),
    others: [
      digested(1548441544, run('run:errored', 'canceled', '2019-01-25T18:39:04.000Z')),
      digested(1548441604, { payload_version: '2', trigger_scope: 'assessment', trigger: 'assessment:drifted', message: 'Drift' }),
    ],
  },
  cases: hexCases({ upper: false }),
});
