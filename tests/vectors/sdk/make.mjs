// Makes ../NAME.json for every sender here, or with --check compares them. Names of senders limit it to those.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { deliveries } from './lib/deliveries.mjs';
import { crossCheck } from './lib/python.mjs';

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const check = flags.includes('--check');

const here = new URL('./senders/', import.meta.url);
const files = readdirSync(here).sort();
const wanted = files.filter((file) => !names.length || names.includes(file.replace('.mjs', '')));
if (wanted.length < names.length) {
  throw new Error(`no such sender: ${names.join(' ')}`);
}

let failed = 0;
let total = 0;
for (const file of wanted) {
  const sender = (await import(new URL(file, here))).default;
  const made = await deliveries(sender);
  crossCheck(sender, made);
  failed += disagreements(made);
  const vectors = made.map(({ vector, divergence, crossDivergence }) => {
    const why = [divergence, crossDivergence].filter(Boolean).join('; ');
    return why ? { ...vector, sdk_divergence: why } : vector;
  });
  failed += publish(sender, vectors);
  total += vectors.length;
  const valid = vectors.filter((vector) => vector.valid).length;
  const { sdk, sdk_cross } = made[0].vector;
  const judges = [sdk, sdk_cross].filter(Boolean).join(', ') || 'no SDK';
  console.log(`${sender.name}: ${vectors.length} (${valid} valid), ${judges}`);
}
console.log(`${wanted.length} senders, ${total} vectors, ${failed} failures`);
process.exitCode = failed ? 1 : 0;

// Counts the vectors on which an SDK and the expectation differ for no stated reason, or agree in spite of one.
function disagreements(made) {
  let count = 0;
  for (const { vector, divergence, crossDivergence } of made) {
    const say = (who, result) => {
      console.error(`${vector.id}: expected ${vector.valid}, ${who} says ${result}`);
      count += 1;
    };
    if ('sdk_result' in vector && (vector.sdk_result === vector.valid) === Boolean(divergence)) {
      say(vector.sdk, vector.sdk_result);
    }
    if ('sdk_cross_result' in vector && (vector.sdk_cross_result === vector.valid) === Boolean(crossDivergence)) {
      say(vector.sdk_cross, vector.sdk_cross_result);
    }
  }
  return count;
}

// Writes the file of a sender, or compares it. Answers the number of failures.
function publish(sender, vectors) {
  const file = new URL(`../${sender.name}.json`, import.meta.url);
  const text = `${JSON.stringify(vectors, null, 1)}\n`;
  if (!check) {
    writeFileSync(file, text);
    return 0;
  }
  if (existsSync(file) && readFileSync(file, 'utf8') === text) {
    return 0;
  }
  console.error(`${sender.name}.json differs from what is made now`);
  return 1;
}
