import { inspect } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  type HttpError,
  hashClientSecret,
  MemoryClientStore,
  MemoryTokenStore,
  requireActiveToken,
} from '../lib/index.js';
import { FORM, raw, serving } from './support/http.js';
import { ALL, ALL_RIGHTS, R } from './support/managers.js';
import { A, API, B, basic, C, failingStore, ISSUER, NOW, ORG, world } from './support/world.js';

const TOKEN = 'sekret-token-6f1c';
const REFRESH = 'sekret-refresh-7a2d';
const SECRET = 'sekret:client+secret-8b3e';
const HIDDEN = /sekret/;

describe('T-25 no token and no secret', () => {
  it('reaches stdout, stderr, an error, an audit event or an error answer on any error path', async () => {
    const written: string[] = [];
    const keep = (chunk: unknown): boolean => written.push(String(chunk)) > 0;
    jest.spyOn(process.stdout, 'write').mockImplementation(keep as never);
    jest.spyOn(process.stderr, 'write').mockImplementation(keep as never);
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      jest
        .spyOn(console, method)
        .mockImplementation((...parameters) => void written.push(inspect(parameters, { depth: 10 })));
    }
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', onWarning);

    const bodies: string[] = [];
    const errors: HttpError[] = [];
    const secret = await hashClientSecret(SECRET);
    const storeError = (): Error => new Error(`cannot find ${TOKEN} for ${SECRET}`);
    const failures = [
      {},
      { tokens: failingStore(() => Promise.reject(storeError())) },
      { tokens: { find: () => ({ kind: TOKEN }) as never } },
      { clients: failingStore(() => Promise.reject(storeError())) },
      { policy: () => Promise.reject(storeError()) },
      { requireTls: true },
      { rateLimit: { failures: { windowMs: 60_000, limit: 4 }, calls: { windowMs: 60_000, limit: 1 } } },
    ];
    const events: unknown[] = [];
    for (const failure of failures) {
      const clients = new MemoryClientStore([
        { clientId: 'c', secret, audiences: [API], organizations: [ORG], manages: ALL_RIGHTS },
      ]);
      const made = await world({
        clients,
        rateLimit: { failures: { windowMs: 60_000, limit: 5 } },
        // A store that only finds has nothing to change tokens with.
        management: 'tokens' in failure ? { refreshTokens: true } : ALL,
        ...failure,
      });
      events.push(made.events);
      await made.tokens.save({
        token: TOKEN,
        kind: 'access_token',
        clientId: 'c',
        organization: ORG,
        refreshToken: REFRESH,
      });
      made.app.get(
        '/orders',
        requireActiveToken({
          tokens: 'tokens' in failure && failure.tokens ? failure.tokens : made.tokens,
          audience: API,
          onError: (error, _req, res) => {
            errors.push(error);
            res.status(error.status).set(error.headers).json({ error: error.code, message: error.message });
          },
        }),
      );
      await serving(made.app, async (origin) => {
        for (const authorization of [
          basic('c', SECRET),
          basic('c', 'sekret-wrong'),
          basic('sekret-id', 'x'),
          `Bearer ${TOKEN}`,
          `Basic ${TOKEN}`,
          '',
        ]) {
          const headers = authorization === '' ? [] : ['Authorization', authorization];
          for (const path of [A, B, `${B}/${TOKEN}`]) {
            for (const body of [
              `token=${REFRESH}`,
              `token=${TOKEN}&token=${TOKEN}`,
              `client_secret=${SECRET}&token=${TOKEN}`,
            ]) {
              bodies.push((await raw(origin, { path, headers: [...headers, ...FORM], body })).body);
            }
            bodies.push(
              (
                await raw(origin, {
                  path,
                  headers: [...headers, 'Content-Type', 'application/json'],
                  body: `{"token":"${TOKEN}"`,
                })
              ).body,
            );
          }
          for (const path of [
            `${C}/${TOKEN}%`,
            `${C}/${TOKEN}x`,
            `/v1/o/none/oauth2/accesstokens/${TOKEN}`,
            '/orders',
            `/orders?access_token=${TOKEN}`,
          ]) {
            bodies.push((await raw(origin, { method: 'GET', path, headers })).body);
          }
          bodies.push((await raw(origin, { method: 'PUT', path: `${C}/${TOKEN}`, headers })).body);
          for (const [method, path, body] of [
            ['POST', `${C}/${TOKEN}x?action=revoke`],
            ['POST', `${C}/${TOKEN}?action=${TOKEN}`],
            ['POST', `${C}/${TOKEN}?action=revoke&cascade=${TOKEN}`],
            ['POST', `${C}/${TOKEN}%?action=revoke`],
            ['POST', `/v1/o/none/oauth2/accesstokens/${TOKEN}?action=revoke`],
            ['POST', `${C}/${TOKEN}`, `{"scope":"${TOKEN} \\"}`],
            ['POST', `${C}/${TOKEN}`, `{"attributes":["${TOKEN}"]}`],
            ['POST', `${C}/${TOKEN}`, `{"scope":"${TOKEN}"`],
            ['DELETE', `${C}/${TOKEN}x`],
            ['GET', `${R}/${TOKEN}`],
            ['GET', `${R}/${TOKEN}%`],
          ] as const) {
            const given = ['Content-Type', 'application/json'];
            const all = [...headers, ...(body === undefined ? [] : given)];
            bodies.push((await raw(origin, { method, path, headers: all, body: body ?? '' })).body);
          }
        }
      });
    }
    process.off('warning', onWarning);
    jest.restoreAllMocks();

    // The one body that may hold a token is the details API's 200, which was not asked for here.
    for (const body of bodies) expect(body).not.toMatch(HIDDEN);
    expect(written.join('\n')).not.toMatch(HIDDEN);
    expect(inspect(warnings, { depth: 10 })).not.toMatch(HIDDEN);
    expect(inspect(events, { depth: 10, maxArrayLength: null })).not.toMatch(HIDDEN);
    for (const error of errors) {
      // What a store of the app's has thrown stays on the error, as its cause: that text is the app's own.
      expect(`${error.name} ${error.message} ${inspect(error.headers)}`).not.toMatch(HIDDEN);
      if (error.cause === undefined) expect(inspect(error)).not.toMatch(HIDDEN);
    }
    expect(bodies.length).toBeGreaterThan(500);
    expect(errors.length).toBeGreaterThan(10);
  }, 120_000);

  it('is quoted by the TypeErrors of save, of MemoryClientStore and of the factories', async () => {
    const store = new MemoryTokenStore({ clock: () => NOW });
    const messages: string[] = [];
    const note = (error: unknown): void => void messages.push(inspect(error));
    await store
      .save({ token: TOKEN, kind: 'access_token', clientId: 'c', expiresAt: 'sekret' as never })
      .catch(note);
    await store.save({ token: `${TOKEN}\u0000`, kind: 'access_token', clientId: 'c' }).catch(note);
    await store
      .save({ token: TOKEN, kind: 'access_token', clientId: 'c', refreshToken: { sekret: REFRESH } as never })
      .catch(note);
    await store.save({ token: TOKEN, kind: 'access_token', clientId: 'c' });
    await store.save({ token: TOKEN, kind: 'access_token', clientId: 'c' }).catch(note);
    await store.update(`${TOKEN}x`, {}).catch(note);
    try {
      new MemoryClientStore([{ clientId: 'c', secret: SECRET }]);
    } catch (error) {
      note(error);
    }
    expect(messages).toHaveLength(6);
    for (const message of messages) expect(message).not.toMatch(HIDDEN);
  });

  it('is printed by Express for a guard that answers itself', async () => {
    const errors = jest.spyOn(console, 'error').mockImplementation(() => {});
    const app = express().get(
      '/orders',
      requireActiveToken({ tokens: failingStore(() => Promise.reject(new Error(TOKEN))), issuer: ISSUER }),
    );
    expect((await request(app).get('/orders').set('Authorization', `Bearer ${TOKEN}`)).status).toBe(503);
    expect(errors).not.toHaveBeenCalled();
  });
});
