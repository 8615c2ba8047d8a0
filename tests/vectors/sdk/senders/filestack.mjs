// Filestack: a time and the body in one HMAC. The scheme uses no id.
import { withoutId } from '../lib/described.mjs';
import { digested } from '../lib/messages.mjs';
import { plain } from '../lib/secrets.mjs';
import { hmac } from '../lib/sign.mjs';

const upload = (action, timestamp, text) => ({ id: 1000, action, timestamp, text });
const first = digested(1558367878, upload('fp.upload', 1558367878, { url: 'https://example.com/a', filename: 'zoë.png' }), {
  change: ['com/a', 'com/b'],
});

export default {
  name: 'filestack',
  scheme: 'FS-Signature: hex(HMAC-SHA256(secret, FS-Timestamp + "." + body)); the SDK checks no age',
  source: 'payload: made up; signed with node crypto, verified with the SDK for Python',
  ...withoutId,
  secret: plain('filestack', 32),
  otherSecret: plain('filestack, another', 32),
  signature: 'FS-Signature',
  signed: { 'FS-Timestamp': String(first.at + 1) },
  sign: ({ secret, at, body }) => ({ 'FS-Timestamp': String(at), 'FS-Signature': hmac(secret, `${at}.${body}`, 'hex') }),
  messages: {
    first,
    second: digested(1558367938, upload('fp.upload', 1558367938, { url: 'https://example.com/a', filename: 'zoë.png' })),
    others: [digested(1558367998, upload('fp.delete', 1558367998, { url: 'https://example.com/a' }))],
  },
};
