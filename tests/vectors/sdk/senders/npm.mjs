// npm's registry hooks: one HMAC over the body. No event id.
import Module, { createRequire } from 'node:module';
import { hexCases } from '../lib/hex.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const message = (event, version, time, change) => ({
  at: Math.floor(time / 1000) + 1,
  keyFields: { event, name: '@example/zoe', version, time },
  body: JSON.stringify({
    event,
    name: '@example/zoe',
    type: 'package',
    version: '1.0.0',
    hookOwner: { username: 'zoë' },
    payload: { name: '@example/zoe', 'dist-tags': { latest: version } },
    change,
    time,
  }),
  resource: { field: 'name', value: '@example/zoe' },
});

const first = {
  ...message('package:publish', '1.0.1', 1463079177349, { version: '1.0.1' }),
  change: ['"1.0.1"', '"1.0.2"'],
};

// npm-hook-receiver is a server of restify's. Only its handler is needed, so an empty package stands in for restify.
let handler;
const plugin = () => undefined;
const restify = {
  plugins: { acceptParser: plugin, queryParser: plugin, gzipResponse: plugin, bodyParser: plugin },
  createServer: () => ({ use() {}, emit() {}, post: (_, handle) => (handler = handle) }),
};
const load = Module._load;
Module._load = (name, ...rest) => (name === 'restify' ? restify : load(name, ...rest));
const makeServer = createRequire(import.meta.url)('npm-hook-receiver');
Module._load = load;

function status({ body, headers, secret }) {
  let answer;
  const request = {
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    _body: body,
    body: JSON.parse(body),
  };
  makeServer({ secret, mount: '/hook' });
  handler(request, { send: (code) => (answer = code) }, () => undefined);
  return answer;
}

export default {
  name: 'npm',
  scheme: 'x-npm-signature: "sha256=" + hex(HMAC-SHA256(secret, body)); no timestamp header',
  source:
    'payload: made up, fields from memory and as read by npm-hook-receiver; signed with node crypto, verified with the handler of the SDK',
  secret: plain('npm', 24),
  otherSecret: plain('npm, another', 24),
  signature: 'x-npm-signature',
  prefix: 'sha256=',
  keyField: 'none (no event id): event, name, change and time, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'x-npm-signature': `sha256=${hmac(secret, body, 'hex')}` }),
  messages: {
    first,
    second: message('package:publish', '1.0.2', 1463079237349, { version: '1.0.2' }),
    others: [message('package:dist-tag', '1.0.2', 1463079297349, { 'dist-tag': 'beta', version: '1.0.2' })],
  },
  sdk: {
    name: `npm-hook-receiver@${version('npm-hook-receiver')} handleMessage`,
    verify: (delivery) => status(delivery) === 200,
  },
  cases: hexCases({ upper: false }),
};
