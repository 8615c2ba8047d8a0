// Stream (chat): one HMAC over the body, keyed with the API secret.
import { StreamChat } from 'stream-chat';
import { hexCases } from '../lib/hex.mjs';
import { hmac } from '../lib/sign.mjs';
import { plain, uuid } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const KEY = 'synthetickey';

const message = (type, at, more) => {
  const created = new Date(at * 1000).toISOString();
  return {
    at: at + 1,
    keyFields: { type, cid: 'messaging:zoë', created_at: created, 'message.id': more.message?.id },
    headers: { 'X-Api-Key': KEY },
    body: JSON.stringify({
      type,
      created_at: created,
      cid: 'messaging:zoë',
      channel_id: 'zoë',
      channel_type: 'messaging',
      ...more,
    }),
    resource: { field: 'cid', value: 'messaging:zoë' },
  };
};

const text = (name) => ({ message: { id: uuid(`stream ${name}`), text: 'hello', user: { id: 'zoë' } } });
const first = { ...message('message.new', 1680000000, text('first')), change: ['"hello"', '"hellp"'] };

export default {
  name: 'stream',
  scheme: 'X-Signature: hex(HMAC-SHA256(API secret, body)); no timestamp; a compressed body is signed uncompressed',
  source: 'payload: made up, fields from memory; signed with node crypto, verified with the SDK',
  secret: plain('stream', 64),
  otherSecret: plain('stream, another', 64),
  signature: 'X-Signature',
  keyField: 'none in the body: type, created_at and message.id, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, body }) => ({ 'X-Signature': hmac(secret, body, 'hex') }),
  messages: {
    first,
    second: message('message.new', 1680000060, text('second')),
    others: [message('message.deleted', 1680000120, text('first'))],
  },
  sdk: {
    name: `stream-chat@${version('stream-chat')} StreamChat.verifyWebhook`,
    verify: ({ body, headers, secret }) =>
      new StreamChat(KEY, secret).verifyWebhook(body, headers['X-Signature'] ?? ''),
  },
  cases: hexCases({ upper: false }),
};
