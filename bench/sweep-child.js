/** For how long everything else has to wait while a million expired records are swept. Prints JSON. */
import { HOUR } from './fixture.js';
import { MemoryTokenStore } from './library.js';

const count = process.argv.includes('--quick') ? 50_000 : 1_000_000;
let clock = Date.now();
const expiresAt = clock + HOUR;
const tokens = new MemoryTokenStore({ clock: () => clock, retainExpiredFor: 0 });
for (let i = 0; i < count; i++) {
  await tokens.save({ token: `t-${i}`, kind: 'access_token', clientId: 'web-app', expiresAt });
}
// The garbage of so many saves is not the sweep's.
globalThis.gc();
clock = expiresAt;
const pauses = [];
let last = performance.now();
const watch = () => {
  const at = performance.now();
  pauses.push(at - last);
  last = at;
  if (tokens.size > 0) setImmediate(watch);
};
setImmediate(watch);
await tokens.sweep();
pauses.sort((a, b) => a - b);
const result = { records: count, p99: pauses[Math.floor(pauses.length * 0.99)], longest: pauses.at(-1) };
process.stdout.write(JSON.stringify(result), () => process.exit());
