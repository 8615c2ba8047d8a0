// Helius: the authorization header of the webhook. Nothing is signed. The body is a list of transactions.
import { described } from '../lib/described.mjs';
import { batch } from '../lib/messages.mjs';

const enhanced = (signature, type) => ({ signature, type, slot: 171341028, source: 'MAGIC_EDEN', description: 'Zoë' });
const raw = (signature) => ({ slot: 171341028, transaction: { message: {}, signatures: [signature] } });
const id = (transaction) => transaction.signature ?? transaction.transaction.signatures[0];
const list = (at, transactions) => batch(at, transactions, undefined, id);

export default described({
  name: 'helius',
  by: 'helius-labs/docs webhooks.mdx and faqs/webhooks.mdx',
  scheme: 'Authorization: the secret; nothing is signed',
  signature: 'Authorization',
  signsBody: false,
  keyField: "body:each transaction's signature",
  keyCovered: false,
  sign: ({ secret }) => ({ Authorization: secret }),
  messages: {
    first: list(1673445241, [enhanced('5nNtjezQMYBH', 'NFT_SALE'), enhanced('3aLPWUwvGVYn', 'NFT_SALE')]),
    second: list(1673445301, [enhanced('2tZpVWCNTPn7', 'NFT_SALE')]),
    others: [list(1673445361, [enhanced('4kXh1pQ9vA2m', 'SWAP')]), list(1673445421, [raw('26FdRGt9kmhL')])],
  },
});
