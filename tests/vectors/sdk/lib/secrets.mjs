// Made-up secrets, the same in every run.
import { createHash } from 'node:crypto';

const bytes = (name) => createHash('sha256').update(`synthetic secret: ${name}`).digest();

/** Letters and digits, as most senders show a secret. */
export const plain = (name, length = 32) => bytes(name).toString('hex').slice(0, length);

/** `whsec_` and base64, as Standard Webhooks write a symmetric secret. */
export const whsec = (name, length = 24) => `whsec_${bytes(name).subarray(0, length).toString('base64')}`;

/** 32 bytes, as the seed of a key pair. */
export const seed = (name) => bytes(name);

/** The bytes of a `whsec_` secret. */
export const whsecKey = (secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

/** A made-up UUID. */
export function uuid(name) {
  const hex = bytes(name).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
