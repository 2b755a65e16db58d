import { expect, it } from '@jest/globals';
import {
  cachingIntrospector,
  MemoryTokenStore,
  routingIntrospector,
  storeIntrospector,
} from '../../lib/index.js';

it('R-07 caches behind a router forget everything when the store may have missed revocations', async () => {
  let missed: (() => void) | undefined;
  class Telling extends MemoryTokenStore {
    override onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void {
      missed = onMissed;
      return super.onRevoked(listener);
    }
  }
  const tokens = new Telling();
  await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
  const silent = { introspect: async () => ({ active: false as const }) };
  const cache = cachingIntrospector(
    cachingIntrospector(routingIntrospector({ jwt: silent, opaque: storeIntrospector(tokens) })),
  );
  expect(await cache.introspect('at')).toMatchObject({ active: true });
  expect(cache.stats().size).toBe(1);
  missed?.();
  expect(cache.stats().size).toBe(0);
});
