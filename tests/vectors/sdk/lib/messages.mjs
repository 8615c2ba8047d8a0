// Messages in the ways that senders name their events.
import { createHash } from 'node:crypto';

/** The SHA-256 of a text in hexadecimal: the key of an event without an id. */
export const digest = (text) => createHash('sha256').update(text).digest('hex');

/** A message without an id. Its key is the digest of its body. */
export function digested(at, value, more) {
  const body = JSON.stringify(value);
  return { at, key: digest(body), body, ...more };
}

/** A message whose id is in its body. */
export const keyed = (at, key, value, more) => ({ at, key, body: JSON.stringify(value), ...more });

/** A message whose id is in a header. */
export const named = (at, id, value, more) => ({ at, id, key: id, body: JSON.stringify(value), ...more });

/** A message with several events. `keys` makes their keys from them, which are their digests otherwise. */
export function batch(at, events, wrapped = (list) => list, keys = (event) => digest(JSON.stringify(event))) {
  return { at, keys: events.map(keys), body: JSON.stringify(wrapped(events)) };
}

/** The case of a captured request under another id, in a header that the signature does not cover. */
export const swapped = (header, id) => ({ messages: { first } }) => ({
  name: 'unsigned-key-swapped',
  message: first,
  headers: { [header]: id },
  key: id,
  valid: true,
  reason: `${header} is not covered by the signature, so the delivery still verifies`,
  attack: `${header} was replaced by the attacker`,
});
