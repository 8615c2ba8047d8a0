// Plain cryptography, for the senders whose SDK only verifies.
import { createHmac, createPrivateKey, sign } from 'node:crypto';

/** HMAC-SHA256 of `text` in `encoding`. */
export const hmac = (key, text, encoding) => createHmac('sha256', key).update(text).digest(encoding);

// The DER header of an Ed25519 private key (RFC 8410), before its 32 bytes.
const ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The Ed25519 private key with this seed. */
export const ed25519 = (seed) =>
  createPrivateKey({ key: Buffer.concat([ED25519, seed]), format: 'der', type: 'pkcs8' });

/** The Ed25519 signature of `text` in base64. */
export const ed25519Signature = (key, text) => sign(null, Buffer.from(text), key).toString('base64');

/** An unencrypted JSON Web Token. `signature` makes the third part from the first two. */
export function jwt(header, claims, signature) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${signature(text)}`;
}
