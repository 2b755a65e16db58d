import { describe, expect, it } from '@jest/globals';
import { MemoryTokenStore, storeIntrospector, tokenDigest } from '../../lib/index.js';
import { API, FAILURES, failingStore, SECONDS, world } from '../support/world.js';

describe('storeIntrospector', () => {
  it('answers what the record has, and what kind of token it is', async () => {
    const { tokens, clients, clock } = await world();
    const introspector = storeIntrospector(tokens, { clients, clock: () => clock.now });
    expect(await introspector.introspect('rt-live')).toStrictEqual({
      active: true,
      sub: 'alice',
      client_id: 'app',
      exp: SECONDS + 24 * 3600,
      iat: SECONDS,
      token_use: 'refresh_token',
    });
    expect(await introspector.introspect('at-live', { hint: 'refresh_token' })).toMatchObject({
      active: true,
      aud: API,
      token_use: 'access_token',
    });
  });

  it.each([
    'no-such-token',
    'at-expired',
    'at-revoked',
    'at-future',
    'at-disabled-client',
    'at-removed-client',
  ])('answers nothing but inactive for %s', async (token) => {
    const { tokens, clients, clock } = await world();
    const introspector = storeIntrospector(tokens, { clients, clock: () => clock.now });
    expect(await introspector.introspect(token)).toStrictEqual({ active: false });
  });

  it('tells of revocations where its store does', async () => {
    const { tokens } = await world();
    const told: string[] = [];
    const stop = storeIntrospector(tokens).onRevoked?.((digest) => told.push(digest));
    await tokens.revoke('at-live');
    stop?.();
    await tokens.revoke('rt-live');
    expect(told).toStrictEqual([tokenDigest('at-live')]);
    expect(storeIntrospector({ find: () => undefined })).not.toHaveProperty('onRevoked');
  });

  it('lets a token outlive its client where it is told no clients', async () => {
    const { tokens, clock } = await world();
    const introspector = storeIntrospector(tokens, { clock: () => clock.now });
    expect(await introspector.introspect('at-removed-client')).toMatchObject({ active: true });
  });

  it.each(FAILURES)('rejects when the store %s: it does not know', async (_what, fail) => {
    await expect(storeIntrospector(failingStore(fail)).introspect('x')).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });

  it.each([
    ['no store', [{}], '"tokens"'],
    ['clients that are no store', [new MemoryTokenStore(), { clients: 5 }], '"clients"'],
    ['a clock that is none', [new MemoryTokenStore(), { clock: 5 }], '"clock"'],
    ['an unknown option', [new MemoryTokenStore(), { cache: true }], 'unknown option "cache"'],
  ])('refuses %s at construction', (_what, parameters, named) => {
    expect(() => storeIntrospector(...(parameters as Parameters<typeof storeIntrospector>))).toThrow(
      TypeError,
    );
    expect(() => storeIntrospector(...(parameters as Parameters<typeof storeIntrospector>))).toThrow(named);
  });

  it('rejects where a client cannot be read, be it one of its members', async () => {
    const { tokens, clock } = await world();
    const broken = {
      get secret(): string {
        throw new Error('the row is gone');
      },
    };
    const clients = { find: (clientId: string) => Object.assign(broken, { clientId }) };
    const introspector = storeIntrospector(tokens, { clients, clock: () => clock.now });
    await expect(introspector.introspect('at-live')).rejects.toThrow('The client store is unavailable');
  });
});
