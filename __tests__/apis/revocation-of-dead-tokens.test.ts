import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import request from 'supertest';
import { type AuditEvent, type MemoryTokenStore, type NewToken, tokenRevocation } from '../../lib/index.js';
import { answeredAsUnknown, basic, NOW, type World, world } from '../support/world.js';

const PATH = '/v1/oauth/revoke';
const SOON = NOW + 60_000;

/** A grant of the client `app`: its second pair of tokens is alive, its first is as a test says. */
async function granted(
  first: Partial<NewToken>,
  change: (tokens: MemoryTokenStore) => Promise<unknown> = async () => {},
  clientId = 'app',
): Promise<World> {
  const made = await world();
  const of = { clientId, grantId: 'grant-9', expiresAt: SOON };
  await made.tokens.save({ ...of, token: 'at-1', kind: 'access_token', refreshToken: 'rt-1' });
  await made.tokens.save({ ...of, token: 'rt-1', kind: 'refresh_token', ...first } as NewToken);
  await made.tokens.save({ ...of, token: 'at-2', kind: 'access_token', refreshToken: 'rt-2' });
  await made.tokens.save({ ...of, token: 'rt-2', kind: 'refresh_token' });
  await made.tokens.save({ ...of, grantId: 'grant-10', token: 'at-other', kind: 'access_token' });
  await change(made.tokens);
  return made;
}

const revoke = ({ app, as }: Pick<World, 'app' | 'as'>, token: string, clientId = 'app') =>
  request(app).post(PATH).set('Authorization', as(clientId)).type('form').send({ token });

/** The API alone, over the same tokens, whose grants it revokes so. */
function revoking(
  { tokens, clients }: World,
  revokeGrant: () => Promise<number>,
): { readonly app: Express; readonly events: readonly AuditEvent[] } {
  const events: AuditEvent[] = [];
  const store = Object.assign(Object.create(tokens) as MemoryTokenStore, {
    find: (token: string) => tokens.find(token),
    revokeGrant,
  });
  const audit = (event: AuditEvent): void => void events.push(event);
  const app = express().use(tokenRevocation({ tokens: store, clients, clock: () => NOW, audit }));
  return { app, events };
}

const alive = ({ tokens }: World): readonly string[] =>
  ['at-1', 'rt-1', 'at-2', 'rt-2', 'at-other'].filter(
    (token) => tokens.find(token)?.status === 'approved' && (tokens.find(token)?.expiresAt ?? SOON) > NOW,
  );

const EXPIRED = { issuedAt: NOW - 2000, expiresAt: NOW - 1000 };

describe('issuer/02 revocation with a refresh token that is dead', () => {
  it.each<[string, Partial<NewToken>, (tokens: MemoryTokenStore) => Promise<unknown>, string]>([
    ['it was revoked by rotation', {}, (tokens) => tokens.revoke('rt-1'), 'revoked'],
    [
      'it and its access token were revoked by rotation',
      {},
      (tokens) => Promise.all([tokens.revoke('rt-1'), tokens.revoke('at-1')]),
      'revoked',
    ],
    ['it was saved as a revoked one', { status: 'revoked' }, async () => {}, 'revoked'],
    ['it has expired', EXPIRED, async () => {}, 'expired'],
    ['it expires now', { expiresAt: NOW }, async () => {}, 'expired'],
    ['it was revoked and has expired', { ...EXPIRED, status: 'revoked' }, async () => {}, 'revoked'],
  ])('R-05 ends the grant: %s', async (_what, first, change, reason) => {
    const made = await granted(first, change);
    const answer = await revoke(made, 'rt-1');
    expect([answer.status, answer.text]).toStrictEqual([200, '{}']);
    expect(alive(made)).toStrictEqual(['at-other']);
    expect(made.events).toMatchObject([
      { outcome: 'done', reason, action: 'revoke', cascade: true, status: 200, clientId: 'app' },
    ]);
  });

  it('R-05 ends it once: a second time there is nothing left, and the audit says so', async () => {
    const made = await granted({}, (tokens) => tokens.revoke('rt-1'));
    await revoke(made, 'rt-1');
    expect((await revoke(made, 'rt-1')).text).toBe('{}');
    expect((await revoke(made, 'rt-2')).text).toBe('{}');
    expect(made.events.map(({ outcome, reason }) => [outcome, reason])).toStrictEqual([
      ['done', 'revoked'],
      ['inactive', 'revoked'],
      ['inactive', 'revoked'],
    ]);
  });

  it('R-05 says of an expired one that it had expired, where nothing of its grant was left', async () => {
    const made = await granted(EXPIRED);
    const { app, events } = revoking(made, async () => 0);
    expect((await revoke({ app, as: made.as }, 'rt-1')).status).toBe(200);
    expect(events).toMatchObject([{ outcome: 'inactive', reason: 'expired' }]);
  });

  it('R-05 works for a public client, by its id', async () => {
    const made = await granted(EXPIRED, undefined, 'public');
    const answer = await request(made.app)
      .post(PATH)
      .type('form')
      .send({ client_id: 'public', token: 'rt-1' });
    expect(answer.text).toBe('{}');
    expect(alive(made)).toStrictEqual(['at-other']);
  });

  it('R-06 is 503 where the store fails, and nothing is said to be done', async () => {
    const made = await granted(EXPIRED);
    const { app, events } = revoking(made, () => Promise.reject(new Error('down')));
    expect((await revoke({ app, as: made.as }, 'rt-1')).status).toBe(503);
    expect(events).toMatchObject([{ outcome: 'unavailable', action: 'revoke', status: 503 }]);
    expect(events[0]).not.toHaveProperty('reason');
  });

  it.each([
    ['other-app', 'no right to it'],
    ['opted-out', 'the right to introspect it'],
    ['public-2', 'no secret'],
  ])('R-02 R-03 that is not of the caller %s, with %s, ends nothing', async (clientId) => {
    for (const first of [EXPIRED, { status: 'revoked' as const }]) {
      const made = await granted(first);
      const as = (id: string) => (id === 'public-2' ? basic(id, '') : made.as(id));
      await answeredAsUnknown((token) => revoke({ app: made.app, as }, token, clientId), 'rt-1');
      expect(alive(made)).toStrictEqual(['at-1', 'at-2', 'rt-2', 'at-other']);
      expect(made.events[0]).toMatchObject({ outcome: 'inactive', status: 200 });
      expect(made.events[0]).not.toHaveProperty('cascade');
    }
  });

  it('R-02 of a disabled client ends nothing, since that is no caller', async () => {
    const made = await granted(EXPIRED, undefined, 'disabled');
    expect((await revoke(made, 'rt-1', 'disabled')).status).toBe(401);
    expect(alive(made)).toStrictEqual(['at-1', 'at-2', 'rt-2', 'at-other']);
  });

  it('R-05 without a grant ends nothing', async () => {
    const made = await granted({ ...EXPIRED, grantId: undefined as never });
    expect((await revoke(made, 'rt-1')).text).toBe('{}');
    expect(alive(made)).toStrictEqual(['at-1', 'at-2', 'rt-2', 'at-other']);
    expect(made.events).toMatchObject([{ outcome: 'inactive', reason: 'expired' }]);
  });

  it('R-05 leaves an access token that has expired as it is', async () => {
    const made = await granted({});
    const more = { clientId: 'app', grantId: 'grant-9', ...EXPIRED };
    await made.tokens.save({ ...more, token: 'at-old', kind: 'access_token' });
    expect((await revoke(made, 'at-old')).text).toBe('{}');
    expect(made.tokens.find('at-old')).toMatchObject({ status: 'approved' });
    expect(made.events).toMatchObject([{ outcome: 'inactive', reason: 'expired' }]);
  });

  it('R-05 is nothing that an access token does: a dead one ends nothing else', async () => {
    const made = await granted({}, (tokens) => tokens.revoke('at-1'));
    expect((await revoke(made, 'at-1')).text).toBe('{}');
    expect(alive(made)).toStrictEqual(['rt-1', 'at-2', 'rt-2', 'at-other']);
    expect(made.events).toMatchObject([{ outcome: 'inactive', reason: 'revoked' }]);
  });
});
