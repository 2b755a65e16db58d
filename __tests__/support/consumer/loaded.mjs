// Hooks that write the address of each ES module that is loaded: `node --import ./loaded.mjs`.
import { writeSync } from 'node:fs';
import { register } from 'node:module';

register(import.meta.url);

export async function load(url, context, next) {
  writeSync(2, `loaded ${url}\n`);
  return next(url, context);
}
