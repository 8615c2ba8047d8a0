// incident.io: sends through Svix, under the unbranded headers.
import { Webhook } from 'svix';
import { covered, standard, standardCases } from '../lib/standard.mjs';
import { whsec } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const incident = (name) => ({
  id: '01FDAG4SAP5TYPT98WGR2N7W91',
  name,
  reference: 'INC-123',
  incident_status: { id: '01FCNDV6P870EA6S7TK1DSYD5H', name: 'Investigating', category: 'live' },
  created_at: '2021-08-17T13:28:57Z',
  updated_at: '2021-08-17T13:29:57Z',
});

const message = (id, at, type, data) => ({
  id,
  at,
  key: id,
  body: JSON.stringify({ event_type: type, [type]: data }),
  resource: { field: `${type}.id`, value: incident().id },
});

const first = {
  ...message(
    'msg_2Xh9KRb0pzN4LePd3XiA4v12Ax0',
    1629206997,
    'public_incident.incident_updated_v2',
    incident('Our database is sad, says Zoë'),
  ),
  change: ['is sad', 'is mad'],
};

export default {
  ...standard,
  name: 'incident-io',
  source:
    'payload: made up, fields from memory; signed and verified with the library of Svix, through which incident.io sends',
  secret: whsec('incident.io'),
  otherSecret: whsec('incident.io, another'),
  sign: ({ secret, id, at, body }) => ({
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': new Webhook(secret).sign(id, new Date(at * 1000), body),
  }),
  signed: covered(first, 'msg_2Xh9KRb0pzN4LePd3XiA4v12Ax9'),
  messages: {
    first,
    second: message(
      'msg_2Xh9KRb0pzN4LePd3XiA4v12Ax1',
      1629207057,
      'public_incident.incident_updated_v2',
      incident('Our database is sad, says Zoë'),
    ),
    others: [
      message('msg_2Xh9KRb0pzN4LePd3XiA4v12Ax2', 1629207117, 'public_incident.incident_status_updated_v2', {
        incident: incident('Our database is fine'),
        new_status: { category: 'closed' },
        previous_status: { category: 'live' },
      }),
    ].map((other) => ({
      ...other,
      resource: { field: 'public_incident.incident_status_updated_v2.incident.id', value: incident().id },
    })),
  },
  sdk: {
    name: `svix@${version('svix')} Webhook.verify`,
    verify: ({ body, headers, secret }) => {
      new Webhook(secret).verify(body, headers);
      return true;
    },
  },
  cases: standardCases(),
};
