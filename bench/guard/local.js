import { newToken, TOKENS } from '../fixture.js';
import { MemoryTokenStore } from '../library.js';
import { guarded } from './ours.js';

export const name = 'requireActiveToken, memory store of this process';

export async function start({ now }) {
  const tokens = new MemoryTokenStore();
  for (let i = 0; i < TOKENS; i++) await tokens.save(newToken(i, now));
  return guarded({ tokens });
}
