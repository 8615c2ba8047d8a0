// Azure DevOps: basic authentication. The body has the event's id.
import { basicAuth, described } from '../lib/described.mjs';
import { keyed } from '../lib/messages.mjs';
import { uuid } from '../lib/secrets.mjs';

const event = (at, subscription, notification, id, eventType) =>
  keyed(at, `${subscription};${id}`, {
    subscriptionId: subscription,
    notificationId: notification,
    id,
    eventType,
    publisherId: 'tfs',
    message: { text: 'Build 20221202.1 of Zoë succeeded' },
    resource: { id: 2727068 },
  });
const subscription = uuid('azure devops subscription');

export default described({
  name: 'azure-devops',
  by: 'learn.microsoft.com/en-us/azure/devops/service-hooks/events',
  ...basicAuth('azure devops'),
  keyField: 'body:subscriptionId+id',
  messages: {
    first: event(1717225200, subscription, 1, uuid('azure devops 1'), 'build.complete'),
    second: event(1717225260, subscription, 2, uuid('azure devops 2'), 'build.complete'),
    others: [
      event(1717225320, subscription, 3, uuid('azure devops 3'), 'git.push'),
      event(1717225200, uuid('azure devops, another subscription'), 1, uuid('azure devops 1'), 'build.complete'),
    ],
  },
});
