// Senders that are known by their documentation or by the code of their server, and publish no verifier for Node or Python.
// Their deliveries are signed with Node's own cryptography, as the source says. No SDK judges them.
import { createHmac } from 'node:crypto';
import { plain } from './secrets.mjs';

/** An HMAC of `text`. */
export const mac = (algorithm, key, text, encoding) => createHmac(algorithm, key).update(text).digest(encoding);

/** A sender as `by` describes it. */
export const described = ({ name, by, ...sender }) => ({
  name,
  source: `payload: made up, fields as in ${by}; signed with node crypto as described there; no SDK verifies it`,
  secret: plain(name, 32),
  otherSecret: plain(`${name}, another`, 32),
  ...sender,
});

/** What the senders have in common that send no id. */
export const withoutId = { keyField: 'none (no event id): the digest of the body', keyCovered: true };

/** What the senders have in common that sign the body alone. */
export const overBody = ({ signature, prefix = '', algorithm = 'sha256', encoding = 'hex' }) => ({
  scheme: `${signature}: ${prefix}${encoding}(HMAC-${algorithm.toUpperCase()}(secret, body)); no timestamp`,
  signature,
  prefix,
  sign: ({ secret, body }) => ({ [signature]: prefix + mac(algorithm, secret, body, encoding) }),
});

/** What the senders have in common that sign a time and the body. */
export const timed = ({ signature, time, prefix, ms = false, encoding = 'hex', tolerance = 300 }) => ({
  scheme: `${signature}: ${time}<${ms ? 'milliseconds' : 'seconds'}>,${prefix}${encoding}(HMAC-SHA256(secret, time + "." + body))`,
  signature,
  tolerance,
  sign: ({ secret, at, body }) => {
    const now = ms ? at * 1000 : at;
    return { [signature]: `${time}${now},${prefix}${mac('sha256', secret, `${now}.${body}`, encoding)}` };
  },
});

/** For senders that send the secret in a header and sign nothing. */
export const token = (signature) => ({
  scheme: `${signature}: the secret; nothing is signed`,
  keyCovered: false,
  signature,
  signsBody: false,
  sign: ({ secret }) => ({ [signature]: secret }),
});

/** What the senders have in common that use basic authentication, and sign nothing. */
export const basicAuth = (name) => ({
  scheme: 'Authorization: Basic base64(user:password); nothing is signed',
  keyCovered: false,
  secret: `hooks:${plain(name)}`,
  otherSecret: `hooks:${plain(`${name}, another`)}`,
  signature: 'Authorization',
  signsBody: false,
  sign: ({ secret }) => ({ Authorization: `Basic ${Buffer.from(secret).toString('base64')}` }),
});
