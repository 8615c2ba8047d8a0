// Cloudinary: a plain hash of body, time and secret, SHA-1 unless SHA-256 is set for the account.
import { createHash } from 'node:crypto';
import { v2 as cloudinary } from 'cloudinary';
import { plain } from '../lib/secrets.mjs';
import { version } from '../lib/versions.mjs';

const header = 'X-Cld-Signature';
const digest = (algorithm, body, at, secret) => createHash(algorithm).update(`${body}${at}${secret}`).digest('hex');

const message = (type, at, more) => {
  const time = new Date(at * 1000 - 1000).toISOString();
  return {
    at,
    keyFields: { notification_type: type, asset_id: '83aba34df05bd1cd8b2d7bc7b1a3e9b1', timestamp: time },
    body: JSON.stringify({
      notification_type: type,
      timestamp: time,
      asset_id: '83aba34df05bd1cd8b2d7bc7b1a3e9b1',
      public_id: 'zoë',
      ...more,
    }),
    resource: { field: 'asset_id', value: '83aba34df05bd1cd8b2d7bc7b1a3e9b1' },
    version: { field: 'timestamp', kind: 'rfc3339', value: time },
  };
};

const first = {
  ...message('upload', 1368881627, { version: 1368881626, width: 864 }),
  change: ['"width":864', '"width":865'],
};

export default {
  name: 'cloudinary',
  scheme: 'X-Cld-Signature: hex(SHA-1(body + X-Cld-Timestamp + API secret)), or SHA-256; the age alone is checked',
  source: 'payload: made up, fields from memory; signed with node crypto, verified with the SDK',
  secret: plain('cloudinary', 27),
  otherSecret: plain('cloudinary, another', 27),
  tolerance: 7200,
  future: 'accepted',
  signature: header,
  keyField: 'unknown: notification_type, asset_id and timestamp, or the digest of the body',
  keyCovered: true,
  sign: ({ secret, at, body }) => ({ 'X-Cld-Timestamp': String(at), [header]: digest('sha1', body, at, secret) }),
  signed: { 'X-Cld-Timestamp': String(first.at + 1) },
  messages: {
    first,
    second: message('upload', 1368881687, { version: 1368881686, width: 864 }),
    others: [message('delete', 1368881747, { resources: [{ resource_type: 'image', public_id: 'zoë' }] })],
  },
  sdk: {
    name: `cloudinary@${version('cloudinary')} utils.verifyNotificationSignature`,
    verify: ({ body, headers, secret, signature_algorithm: algorithm }) => {
      cloudinary.config({ api_secret: secret, signature_algorithm: algorithm ?? 'sha1' });
      return cloudinary.utils.verifyNotificationSignature(body, Number(headers['X-Cld-Timestamp']), headers[header]);
    },
  },
  cases: ({ secret }) => [
    {
      name: 'sha256',
      message: first,
      valid: true,
      extra: { signature_algorithm: 'sha256' },
      edit: { [header]: (_, { at, body }) => digest('sha256', body, at, secret) },
      reason: 'an account that is set to SHA-256',
    },
    {
      name: 'sha256-not-set',
      message: first,
      valid: false,
      edit: { [header]: (_, { at, body }) => digest('sha256', body, at, secret) },
      reason: 'SHA-256, but the account is set to SHA-1',
    },
    {
      name: 'timestamp-shifted',
      message: first,
      valid: false,
      headers: { 'X-Cld-Timestamp': String(first.at).slice(1) },
      body: (body) => `${body}${String(first.at).slice(0, 1)}`,
      reason:
        'the first digit of the time moved to the end of the body: nothing is in between, but the time is far too old then',
    },
    {
      name: 'timestamp-missing',
      message: first,
      valid: false,
      headers: { 'X-Cld-Timestamp': undefined },
      reason: 'X-Cld-Timestamp absent',
    },
  ],
};
