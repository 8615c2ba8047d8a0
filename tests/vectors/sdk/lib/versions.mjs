// The versions that are installed.
import { existsSync, readFileSync } from 'node:fs';

/** The version of an installed package. Its `package.json` may be hidden from `import`. */
export function version(name) {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  if (!existsSync(file)) {
    throw new Error(`${name} is not installed: run npm ci`);
  }
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
