// Sweeps a million expired records, or as many as it is told, of the built package, and prints the longest pause of the event loop.
// That another process had the processor meanwhile does not count: a pause of the sweep's making takes both the time and the processor.
import { MemoryTokenStore } from '../../dist/esm/index.js';

const COUNT = Number(process.argv[2] ?? 1_000_000);
let now = Date.now();
const store = new MemoryTokenStore({ clock: () => now, retainExpiredFor: 0 });
for (let i = 0; i < COUNT; i++) {
  await store.save({
    token: `t-${i}`,
    kind: 'access_token',
    clientId: 'app',
    grantId: `g-${i >> 1}`,
    expiresAt: now + 1,
  });
}
// The garbage of a million saves is not the sweep's: its collection alone can pause the process for longer.
globalThis.gc();
// What other threads still have to collect.
await new Promise((resolve) => setTimeout(resolve, 300));
now += 1;

let turns = 0;
let longestPause = 0;
const times = () => {
  const { user, system } = process.cpuUsage();
  return [performance.now(), (user + system) / 1000];
};
let last = times();
const watch = () => {
  const present = times();
  longestPause = Math.max(longestPause, Math.min(...present.map((time, i) => time - last[i])));
  last = present;
  turns += 1;
  if (store.size > 0) setImmediate(watch);
};
setImmediate(watch);
const swept = await store.sweep();
console.log(JSON.stringify({ swept, left: store.size, turns, longestPause }));
