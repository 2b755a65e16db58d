import { freemem } from 'node:os';
import { sideBySide } from './side-by-side.js';

const ours = new URL('./endpoint/ours.js', import.meta.url).href;
const GIB = 2 ** 30;
/** What ten million tokens are tried with: twice what they take. */
const ROOM_FOR_TEN_MILLION = 14 * GIB;

/** The endpoint with more tokens in the store, and with fewer and more connections. */
export async function growth({ node, quick, rounds, seconds, log }) {
  const warmUp = quick ? 0.25 : 3;
  const withTokens = async (sizes, options) => {
    const modules = sizes.map((size) => `${ours}?tokens=${size}`);
    const seen = await sideBySide({ node, modules, seconds, warmUp, log, ...options });
    return seen.map((variant, i) => ({ tokens: sizes[i], ...variant }));
  };
  const byTokens = await withTokens(quick ? [1000, 10_000] : [1000, 100_000, 1_000_000], {
    rounds: Math.min(rounds, 3),
  });
  const enormous =
    quick || freemem() < ROOM_FOR_TEN_MILLION
      ? []
      : await withTokens([1000, 10_000_000], {
          rounds: 1,
          flags: [`--max-old-space-size=${(ROOM_FOR_TEN_MILLION - 2 * GIB) / 2 ** 20}`],
        });
  const byConnections = [];
  for (const connections of quick ? [1, 32] : [1, 64, 512]) {
    const [variant] = await sideBySide({
      node,
      modules: [ours],
      rounds: 1,
      seconds,
      warmUp,
      connections,
      log,
    });
    byConnections.push({ connections, ...variant });
  }
  return { byTokens, enormous, byConnections };
}
