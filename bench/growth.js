import { sideBySide } from './side-by-side.js';

const ours = new URL('./endpoint/ours.js', import.meta.url).href;

/** The endpoint with more tokens in the store, and with fewer and more connections. */
export async function growth({ node, quick, rounds, seconds, log }) {
  const sizes = quick ? [1000, 10_000] : [1000, 100_000, 1_000_000];
  const byTokens = await sideBySide({
    node,
    modules: sizes.map((size) => `${ours}?tokens=${size}`),
    rounds: Math.min(rounds, 3),
    seconds,
    warmUp: quick ? 0.25 : 3,
    log,
  });
  const byConnections = [];
  for (const connections of quick ? [1, 32] : [1, 64, 512]) {
    const [variant] = await sideBySide({
      node,
      modules: [ours],
      rounds: 1,
      seconds,
      warmUp: quick ? 0.25 : 3,
      connections,
      log,
    });
    byConnections.push({ connections, ...variant });
  }
  return { byTokens: byTokens.map((variant, i) => ({ tokens: sizes[i], ...variant })), byConnections };
}
