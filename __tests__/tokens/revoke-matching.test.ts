import { describe, expect, it } from '@jest/globals';
import { MemoryTokenStore } from '../../lib/index.js';

describe('MemoryTokenStore.revokeMatching', () => {
  it('goes by what a selector has inherited, too: it revokes no more than is named', async () => {
    const store = new MemoryTokenStore();
    for (const organization of ['acme', 'globex'])
      await store.save({
        token: organization,
        kind: 'access_token',
        clientId: 'app',
        appId: 'shop',
        organization,
      });
    const ofAcme = Object.create({ organization: 'acme' }) as object;
    expect(await store.revokeMatching(Object.assign(ofAcme, { appId: 'shop' }))).toBe(1);
    expect(store.find('globex')).toMatchObject({ status: 'approved' });
    class Selector {
      get appId(): string {
        return 'shop';
      }
    }
    expect(await store.revokeMatching(new Selector())).toBe(1);
  });
});
