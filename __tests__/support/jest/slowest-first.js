import Sequencer from '@jest/test-sequencer';

/** The files that take longest, in this order. */
const SLOWEST = [
  // It takes a snapshot of its process, which is small yet.
  'tokens/memory-token-store',
  'stores/redis-token-store',
  'example-app',
  'odd-requests',
  'testing/describe-token-store',
  'policy-model',
  'shared-fate',
  'package/hosts',
  'package',
  'http/plain-form',
  'stores/postgres-token-store',
  'secrecy',
  'stores/postgres-client-rotation',
  'stores/revocation-feed',
  'stores/postgres-hindrances',
  'client-methods',
].map((name) => `__tests__/${name}.test.ts`);

function rankOf({ path }) {
  const rank = SLOWEST.findIndex((slow) => path.endsWith(slow));
  return rank === -1 ? SLOWEST.length : rank;
}

/** On a fresh clone the runner knows of no times: it would begin one of the slowest when all others are done. */
export default class SlowestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}
