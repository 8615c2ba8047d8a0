// Greenhouse: one HMAC over the body. The id is in a header that is not signed.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { named, swapped } from '../lib/messages.mjs';

const signed = overBody({ signature: 'Signature', prefix: 'sha256 ' });

export default described({
  name: 'greenhouse',
  by: 'grnhse/greenhouse-api-docs source/includes/webhooks/_introduction.md',
  ...signed,
  sign: (delivery) => ({ 'Greenhouse-Event-ID': delivery.id, ...signed.sign(delivery) }),
  keyField: 'header:Greenhouse-Event-ID',
  keyCovered: false,
  messages: {
    first: named(1717225200, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e01', { action: 'candidate_stage_change', payload: { application: { id: 46194062, candidate: 'Zoë' } } }, { change: ['46194062', '46194063'] }),
    second: named(1717225260, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e02', { action: 'candidate_stage_change', payload: { application: { id: 46194062, candidate: 'Zoë' } } }),
    others: [named(1717225320, '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e03', { action: 'offer_created', payload: { id: 506409 } })],
  },
  cases: (sender) => [...hexCases({ upper: false })(sender), swapped('Greenhouse-Event-ID', '0c9d5a8e-6f0b-4c1e-9d55-0a6f2b1c7e99')(sender)],
});
