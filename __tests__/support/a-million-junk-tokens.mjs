// Asks a cache of the built package about a million junk tokens, and prints by how much the memory has grown.
import { cachingIntrospector } from '../../dist/esm/index.js';

const GOOD = 1000;
const JUNK = 1_000_000;
let asked = 0;
const cache = cachingIntrospector(
  {
    async introspect(token) {
      asked += 1;
      return { active: token.startsWith('good'), sub: token };
    },
  },
  { maxAge: 600_000 },
); // so that a slow machine is not taken for a cache that forgets
const memory = () => {
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

for (let i = 0; i < GOOD; i++) await cache.introspect(`good-${i}`);
const before = memory();
for (let i = 0; i < JUNK; i++) await cache.introspect(`junk-${i}`);
const grown = memory() - before;
for (let i = 0; i < GOOD; i++) await cache.introspect(`good-${i}`);
console.log(JSON.stringify({ grown, asked, stats: cache.stats() }));
