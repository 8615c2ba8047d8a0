// The deliveries that are made for every sender.
//
// A case names a message, when and with which secret it is signed, when it arrives, and what is changed on the way.
// `valid` is the answer of a correct verifier. Where an SDK answers otherwise, `divergence` says why.

/** The cases of a sender, in a fixed order. */
export function cases(sender) {
  return [...genuine(sender), ...forged(sender), ...window(sender), ...(sender.cases?.(sender) ?? [])];
}

function genuine({ messages: { first, second, others = [] }, retry = {}, redelivery = true }) {
  const list = [{ name: 'valid', message: first, valid: true, reason: 'correctly signed' }];
  if (redelivery) {
    list.push({
      name: 'redelivery',
      message: first,
      later: 1800,
      valid: true,
      reason: 'the same event again half an hour later: the same key',
      ...retry,
    });
  }
  list.push({
    name: 'second-occurrence',
    message: second,
    valid: true,
    reason: 'the same kind of event about the same thing happens again: another key',
  });
  others.forEach((message, index) => {
    const name = others.length === 1 ? 'other-kind' : `other-kind-${index + 1}`;
    list.push({ name, message, valid: true, reason: 'another kind of message of this sender: a key of its own' });
  });
  return list;
}

function forged({
  messages: { first },
  otherSecret,
  signature,
  signed = {},
  unsigned = {},
  signsBody = true,
  reserialized,
}) {
  if (!signature) {
    // The secret is in the body, and the sender has its own cases.
    return [];
  }
  const list = [];
  const bad = (name, reason, change) => list.push({ name, message: first, valid: false, reason, ...change });
  bad('wrong-secret', 'signed with another secret', { signedWith: otherSecret });
  if (signsBody) {
    bad('body-changed', 'one character of the body changed after signing', {
      body: (body) => replaced(body, ...first.change),
    });
    bad('body-reserialized', 'the same JSON value in other bytes', { body: spaced, divergence: reserialized });
  }
  for (const [header, value] of Object.entries(signed)) {
    bad(`${slug(header)}-changed`, `${header} is covered by the signature`, { headers: { [header]: value } });
  }
  for (const [header, value] of Object.entries(unsigned)) {
    list.push({
      name: `${slug(header)}-changed`,
      message: first,
      valid: true,
      headers: { [header]: value },
      reason: `${header} is not covered by the signature, so the delivery still verifies`,
      attack: `${header} was replaced by the attacker`,
    });
  }
  bad('signature-missing', `${signature} absent`, { headers: { [signature]: undefined } });
  bad('signature-empty', `${signature} empty`, { headers: { [signature]: '' } });
  bad('signature-truncated', 'the last 6 characters of the signature removed', {
    edit: { [signature]: (text) => text.slice(0, -6) },
  });
  return list;
}

function window({ messages: { first }, tolerance, future, ageless, agelessCross, laterCross }) {
  if (!tolerance) {
    return [];
  }
  const arrives = (after) => ({ message: first, after });
  return [
    {
      name: 'too-old',
      ...arrives(tolerance + 1),
      valid: false,
      reason: `signed ${tolerance + 1} s before it arrives`,
      divergence: ageless,
      crossDivergence: agelessCross ?? laterCross,
    },
    {
      name: 'oldest',
      ...arrives(tolerance),
      valid: true,
      policy_dependent: true,
      reason: `signed ${tolerance} s before it arrives: still accepted`,
    },
    {
      name: 'from-the-future',
      ...arrives(-(tolerance + 1)),
      valid: future !== 'refused',
      ...(future === 'refused' ? { divergence: ageless, crossDivergence: agelessCross } : { policy_dependent: true }),
      reason: `signed ${tolerance + 1} s after it arrives`,
    },
  ];
}

/** `text` with `from`, which must occur, replaced by `to`. */
export function replaced(text, from, to) {
  if (!text.includes(from)) {
    throw new Error(`${from} is not in ${text}`);
  }
  return text.replace(from, () => to);
}

const spaced = (body) => JSON.stringify(JSON.parse(body), null, 1);
const slug = (header) => header.toLowerCase().replaceAll('_', '-');
