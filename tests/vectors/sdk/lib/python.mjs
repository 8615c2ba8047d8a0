// Has the SDKs of the same senders in Python judge the deliveries too.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../.venv/bin/python', import.meta.url));
const script = fileURLToPath(new URL('../verify.py', import.meta.url));

/** Adds `sdk_cross` and its result to each delivery of a sender with an SDK for Python, or `sdk` if that is its only one. */
export function crossCheck(sender, made) {
  if (!existsSync(program)) {
    throw new Error('the virtual environment is missing: see README.md');
  }
  const input = JSON.stringify(made.map(({ vector }) => vector));
  const { status, stdout, stderr } = spawnSync(program, [script, sender.name], { input, encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`verify.py ${sender.name}: ${stderr}`);
  }
  const answer = JSON.parse(stdout);
  if (!answer) {
    return;
  }
  made.forEach(({ vector }, index) => {
    const field = sender.sdk ? 'sdk_cross' : 'sdk';
    vector[field] = answer.sdk;
    vector[`${field}_result`] = answer.results[index];
  });
}
