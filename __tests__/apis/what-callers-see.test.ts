import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../lib/index.js';
import { ABOUT_THE_USER, EXTENSIONS, PROTOCOL, SECRET, withCaller } from '../support/callers.js';
import { gateway } from '../support/gateway.js';
import { upstream } from '../support/upstream.js';
import { A, API, B, basic, FULL, ORG, postToken, SECONDS } from '../support/world.js';

describe('claims', () => {
  it.each([
    ['all without it', undefined, { ...ABOUT_THE_USER, ...EXTENSIONS }],
    ['none for an empty list', [], {}],
    ['those named', ['sub', 'acr', 'level', 'absent'], { sub: 'alice', acr: 'urn:mfa', level: 3 }],
    ['no fewer protocol members for naming some', ['jti', 'tenant'], { tenant: 'blue' }],
  ])('I-29 shows a protected resource %s', async (_what, claims, shown) => {
    const listed = claims === undefined ? {} : { claims };
    for (const rights of [{ audiences: [API] }, { introspects: 'any' as const }]) {
      const { ask } = await withCaller({ ...rights, ...listed });
      expect((await ask('full')).body).toStrictEqual({ ...PROTOCOL, ...shown });
    }
  });

  it('I-29 hides nothing of its own tokens', async () => {
    const { ask, tokens } = await withCaller({ claims: [], audiences: [API], scopes: [] });
    await tokens.save({ ...FULL, token: 'mine', clientId: 'caller' });
    expect((await ask('mine')).body).toStrictEqual({
      ...PROTOCOL,
      ...ABOUT_THE_USER,
      ...EXTENSIONS,
      client_id: 'caller',
    });
  });

  it('I-29 lets no extension claim stand for a member that is hidden or absent', async () => {
    const forged = { ...FULL, token: 'forged', claims: { sub: 'alice', username: 'alice', tenant: 'blue' } };
    const { ask, tokens } = await withCaller({ claims: ['tenant'], audiences: [API] });
    await tokens.save(forged);
    expect((await ask('forged')).body).toStrictEqual({ ...PROTOCOL, tenant: 'blue' });
    const other = await withCaller({ claims: ['sub', 'username'], audiences: [API] });
    const { subject: _subject, username: _username, ...nobody } = forged;
    await other.tokens.save(nobody);
    expect((await other.ask('forged')).body).toStrictEqual(PROTOCOL);
  });

  it.each<[string, Readonly<Record<string, unknown>>, object]>([
    ['beside others', { scp: 'read write', tenant: 'blue' }, { tenant: 'blue' }],
    ['alone', { scp: ['read', 'write'] }, {}],
  ])('I-21 J-07 shows no hidden scope values by `scp` either, %s', async (_how, claims, shown) => {
    const rights = { audiences: [API], scopes: ['read'] };
    for (const members of [rights, { ...rights, claims: ['scp', 'tenant'] }]) {
      const { ask, tokens } = await withCaller(members);
      await tokens.save({ ...FULL, token: 'twice', scope: ['read', 'write'], claims });
      const { body } = await ask('twice');
      expect(body).toMatchObject({ active: true, scope: 'read', ...shown });
      expect(body).not.toHaveProperty('scp');
    }
    const { ask: askOf, tokens: more } = await withCaller(rights);
    await more.save({ ...FULL, token: 'narrow', scope: ['read'], claims });
    await more.save({ ...FULL, token: 'odd', scope: ['read'], claims: { ...claims, scp: 5 } });
    for (const token of ['narrow', 'odd']) expect((await askOf(token)).body).not.toHaveProperty('scp');
    // Where nothing is hidden, nothing is.
    const { ask, tokens } = await withCaller({ ...rights, scopes: ['read', 'write'] });
    await tokens.save({ ...FULL, token: 'twice', scope: ['read', 'write'], claims });
    expect((await ask('twice')).body).toMatchObject(claims);
  });

  it('I-29 hides the `sub` of the refresh-token API where only the opt-out shows the token', async () => {
    const { ask } = await withCaller({ introspects: 'any', claims: ['acr'] });
    expect((await ask('rt-live', B)).body).toStrictEqual({
      active: true,
      exp: SECONDS + 24 * 3600,
      iat: SECONDS,
      orgId: ORG,
      token_type: 'refresh_token',
    });
  });

  it('I-29 holds for a policy of the app that wraps the default', async () => {
    const { ask } = await withCaller(
      { claims: ['brand'], audiences: [API] },
      { policy: (...question) => defaultPolicy(...question) },
    );
    expect((await ask('full')).body).toStrictEqual({ ...PROTOCOL, brand: 'acme-brand' });
  });

  it('I-29 holds for a Bearer caller', async () => {
    const { app, tokens } = await withCaller({ claims: ['brand'], audiences: [API] });
    await tokens.save({
      token: 'bearer',
      kind: 'access_token',
      clientId: 'caller',
      scope: ['introspection'],
      audience: ['https://id.example.com'],
    });
    const answer = await postToken(app, A, 'Bearer bearer', 'full');
    expect(answer.body).toStrictEqual({ ...PROTOCOL, brand: 'acme-brand' });
  });

  it('I-29 holds at a gateway, and leaves a guard behind it what tells a refresh token', async () => {
    const made = await withCaller({ introspects: 'any', claims: [] });
    const says = {
      active: true,
      client_id: 'x',
      sub: 'alice',
      token_use: 'refresh_token',
      email: 'a@b.example',
    };
    const { app } = gateway(made, upstream(says));
    const answer = await postToken(app, A, basic('caller', SECRET), 'a-token');
    expect(answer.body).toStrictEqual({ active: true, client_id: 'x', token_use: 'refresh_token' });
  });

  it('changes no audit event', async () => {
    const { ask, events } = await withCaller({ claims: [], introspects: 'any' });
    await ask('full');
    expect(events[0]).toMatchObject({ outcome: 'active', introspects: 'any', clientId: 'caller' });
  });
});

describe('authorization_details', () => {
  const DETAILS = [
    { type: 'account', actions: ['list'] },
    { type: 'payment', locations: [API, 'https://other.example'], amount: 5 },
    { type: 'payment', locations: ['https://other.example'] },
    { type: 'payment', locations: API },
  ];
  const TOKEN = { ...FULL, token: 'rich', authorizationDetails: DETAILS };

  it('T-21 T-22 shows a resource those that are for it, of whose locations its own', async () => {
    const { ask, tokens } = await withCaller({ audiences: [API, 'https://third.example'] });
    await tokens.save(TOKEN);
    expect((await ask('rich')).body.authorization_details).toStrictEqual([
      DETAILS[0],
      { type: 'payment', locations: [API], amount: 5 },
    ]);
    await tokens.save({ ...TOKEN, token: 'poor', authorizationDetails: DETAILS.slice(2) });
    expect((await ask('poor')).body).not.toHaveProperty('authorization_details');
  });

  it('T-21 shows all of them to the client of the token, and to whom the opt-out shows everything', async () => {
    for (const members of [{ clientId: 'mine' }, { introspects: 'any' as const }]) {
      const { ask, tokens } = await withCaller({ audiences: [API], ...members });
      await tokens.save({ ...TOKEN, clientId: members.clientId ?? 'app' });
      expect((await ask('rich')).body.authorization_details).toStrictEqual(DETAILS);
    }
  });
});
