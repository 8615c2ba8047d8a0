// Gusto: one HMAC over the body. It has the event's id in the newer versions of the API.
import { described, overBody } from '../lib/described.mjs';
import { hexCases } from '../lib/hex.mjs';
import { digested, keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const company = uuid('gusto company');
const event = (type, more) => ({
  ...more,
  event_type: type,
  resource_type: 'Company',
  resource_uuid: company,
  entity_type: 'Payroll',
  entity_uuid: uuid('gusto payroll'),
  timestamp: 1717225199,
});
const message = (at, name, type, more) => {
  const id = uuid(`gusto ${name}`);
  return keyed(at, id, event(type, { uuid: id }), more);
};

export default described({
  name: 'gusto',
  by: 'docs.gusto.com/embedded-payroll/docs/webhooks and docs.gusto.com/app-integrations/docs/webhooks',
  ...overBody({ signature: 'X-Gusto-Signature' }),
  secret: uuid('gusto verification token'),
  otherSecret: uuid('gusto verification token, another'),
  keyField: 'body:uuid, or the digest of the body',
  keyCovered: true,
  messages: {
    first: message(1717225200, '1', 'payroll.paid', { change: ['payroll.paid', 'payroll.paix'] }),
    second: message(1717225260, '2', 'payroll.paid'),
    others: [message(1717225320, '3', 'payroll.submitted'), digested(1717225380, event('payroll.paid'))],
  },
  cases: hexCases({ upper: false }),
});
