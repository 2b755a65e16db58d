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

  it.each([
    ['no object', 'shop', 'options must be an object'],
    ['an unknown member', { appId: 'shop', app: 'shop' }, 'unknown option "app"'],
    ['an empty app', { appId: '' }, '"appId" must be a non-empty string'],
    ['an organization that is a number', { appId: 'shop', organization: 5 }, '"organization" must be a non'],
    ['an unknown kind', { appId: 'shop', kind: 'code' }, `"kind" must be 'access_token' or 'refresh_token'`],
    ['no owner', { organization: 'acme' }, '"clientId", "subject" or "appId" must be given'],
  ])('refuses a selector with %s, and says what is wrong', async (_what, of, wrong) => {
    const store = new MemoryTokenStore();
    const revoked = store.revokeMatching(of as never);
    await expect(revoked).rejects.toThrow(TypeError);
    await expect(revoked).rejects.toThrow(`revokeMatching: ${wrong}`);
  });
});
