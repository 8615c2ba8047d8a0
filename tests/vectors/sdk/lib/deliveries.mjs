// Makes the deliveries of a sender, and has its SDK judge each.
import { cases } from './cases.mjs';
import { standingAt } from './clock.mjs';

/** The vectors of a sender, each judged by the sender's SDK. Throws if an SDK answers otherwise than expected. */
export async function deliveries(sender) {
  const made = await Promise.all(cases(sender).map((one, index) => delivery(sender, one, index)));
  for (const { vector } of made) {
    if (sender.sdk) {
      vector.sdk = sender.sdk.name;
      vector.sdk_result = await standingAt(vector.now, () => accepts(sender.sdk.verify, structuredClone(vector)));
    }
  }
  return made;
}

async function delivery(sender, one, index) {
  const { message } = one;
  const at = message.at + (one.later ?? 0);
  const secret = one.secret ?? sender.secret;
  const sent = one.retried ? one.retried(message.body) : message.body;
  const signed = { ...message, id: one.id ?? message.id, body: sent, at };
  const headers = await sender.sign({
    ...signed,
    secret: one.signedWith ?? one.secret ?? sender.signingSecret ?? sender.secret,
  });
  const named = { 'Content-Type': sender.contentType ?? 'application/json', ...message.headers, ...headers };
  for (const [name, value] of Object.entries(one.headers ?? {})) {
    await change(named, name, () => value);
  }
  for (const [name, edit] of Object.entries(one.edit ?? {})) {
    await change(named, name, (value) => edit(value, signed));
  }
  const vector = {
    id: `${sender.name}-${String(index + 1).padStart(2, '0')}-${one.name}`,
    provider: sender.name,
    name: one.name,
    scheme: sender.scheme,
    source: sender.source,
    secret,
    ...sender.extra,
    ...one.extra,
    method: 'POST',
    url: one.url ?? sender.url,
    headers: named,
    body: one.body ? one.body(sent) : sent,
    now: Math.floor(at) + (one.after ?? 0),
    tolerance_s: sender.tolerance ?? null,
    valid: one.valid,
    ...(one.policy_dependent ? { policy_dependent: true } : {}),
    ...(one.attack ? { attack: one.attack } : {}),
    reason: one.reason,
    event_id: one.key ?? message.key ?? null,
    ...(message.keys ? { event_ids: message.keys } : {}),
    ...(message.keyFields ? { key_fields: message.keyFields } : {}),
    key_field: message.keyField ?? sender.keyField,
    key_covered_by_signature: sender.keyCovered,
    ...(message.resource ? { resource: message.resource } : {}),
    ...(message.version ? { version: message.version } : {}),
  };
  if (vector.url === undefined) {
    delete vector.url;
  }
  return { vector, divergence: one.divergence, crossDivergence: one.crossDivergence };
}

// Replaces a header that the sender sets, or adds one.
async function change(headers, name, edit) {
  const known = Object.keys(headers).find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
  const value = await edit(headers[known]);
  if (value === undefined) {
    delete headers[known];
  } else {
    headers[known] = value;
  }
}

// An SDK says no by throwing, or by returning false.
async function accepts(verify, vector) {
  try {
    return (await verify(vector)) !== false;
  } catch (error) {
    // A mistake in a sender's file must not pass for a refusal.
    if (vector.valid && (error instanceof TypeError || error instanceof ReferenceError)) {
      throw error;
    }
    return false;
  }
}
