// Senders that sign as Standard Webhooks say: id, time and body in one HMAC.
import { hmac } from './sign.mjs';

export const SCHEME =
  '"v1," + base64(HMAC-SHA256(key, webhook-id + "." + webhook-timestamp + "." + body)); webhook-signature is a list separated by spaces';

/** How such a sender signs. `key` makes the HMAC's key from its secret. */
export const signer =
  (key) =>
  ({ secret, id, at, body }) => ({
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${hmac(key(secret), `${id}.${at}.${body}`, 'base64')}`,
  });

/** What all of them have in common. */
export const standard = {
  scheme: SCHEME,
  tolerance: 300,
  future: 'refused',
  signature: 'webhook-signature',
  keyField: 'header:webhook-id',
  keyCovered: true,
};

/** The headers that the signature covers, with other values. */
export const covered = (first, otherId) => ({ 'webhook-id': otherId, 'webhook-timestamp': String(first.at + 1) });

/** The cases that only this family has. `separator` is what the sender writes between two signatures. */
export function standardCases({
  separator = ' ',
  separatorCross,
  unlabelled,
  unlabelledCross,
  unpadded,
  mislabelled,
  mislabelledCross,
} = {}) {
  const list = (signatures) => ({ 'webhook-signature': signatures });
  return ({ messages: { first }, otherSecret, sign }) => {
    const other = async (delivery) => (await sign({ ...delivery, secret: otherSecret }))['webhook-signature'];
    const make = (name, valid, reason, change) => ({ name, message: first, valid, reason, ...change });
    return [
      make('rotation-other-first', true, 'signed with two secrets, the second is ours', {
        edit: list(async (ours, delivery) => `${await other(delivery)}${separator}${ours}`),
        crossDivergence: separatorCross,
      }),
      make('rotation-ours-first', true, 'signed with two secrets, the first is ours', {
        edit: list(async (ours, delivery) => `${ours}${separator}${await other(delivery)}`),
        crossDivergence: separatorCross,
      }),
      make('rotation-none-ours', false, 'signed with two secrets, neither is ours', {
        signedWith: otherSecret,
        edit: list((one) => `${one}${separator}${one}`),
      }),
      make('unknown-scheme-beside', true, 'a signature of an unknown scheme beside the right one', {
        edit: list((ours) => `v2,${'A'.repeat(43)}=${separator}${ours}`),
        crossDivergence: separatorCross,
      }),
      make('unknown-scheme-only', false, 'the right digest under an unknown scheme', {
        edit: list((ours) => ours.replace('v1,', 'v2,')),
        divergence: mislabelled,
        crossDivergence: mislabelledCross,
      }),
      make('scheme-missing', false, 'the right digest without a scheme', {
        edit: list((ours) => ours.replace('v1,', '')),
        divergence: unlabelled,
        crossDivergence: unlabelledCross,
      }),
      make('base64-without-padding', false, 'the right digest without its = at the end', {
        edit: list((ours) => ours.replace(/=+$/, '')),
        divergence: unpadded,
      }),
      make('id-missing', false, 'webhook-id absent', { headers: { 'webhook-id': undefined } }),
      make('timestamp-missing', false, 'webhook-timestamp absent', { headers: { 'webhook-timestamp': undefined } }),
      make('timestamp-not-a-number', false, 'webhook-timestamp is not a number', {
        headers: { 'webhook-timestamp': 'yesterday' },
      }),
    ];
  };
}
