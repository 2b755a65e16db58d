import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import {
  activeToken,
  type Client,
  cachingIntrospector,
  generateClientSecret,
  hashClientSecret,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
  remoteIntrospector,
  requireActiveToken,
  type TokenRecord,
} from '../lib/index.js';
import { Crowd, type Honest, mixed } from './support/crowd.js';
import { serving } from './support/http.js';
import { provider } from './support/provider.js';
import { SECRET } from './support/scripted-server.js';
import { A, API, basic, HOUR, ISSUER } from './support/world.js';

/*
 * What one caller sends never changes what another one gets. 200 honest users on 20 addresses, some of which they share, and
 * two hostile addresses that send ten times as much.
 */

const USERS = 200;
const REQUESTS = 1200;
const LOAD = { ratio: 10, rounds: 6 };

const addressOf = (user: number): string => `192.0.2.${user % 20}`;
/** One of them is that of honest callers of the issuer as well. */
const HOSTILE = ['198.51.100.1', '192.0.2.3'];

const crowd = new Crowd();
afterAll(() => crowd.leave());

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const junk = (): string => randomBytes(20).toString('base64url');
const junkJwt = (): string =>
  `${base64url({ alg: 'RS256', kid: junk() })}.${base64url({ sub: junk() })}.c2ln`;

/** One after the other. */
function inTurns<T>(choices: readonly T[]): () => T {
  let next = 0;
  return () => choices[next++ % choices.length] as T;
}

describe('shared fate', () => {
  it('strangers with junk, wrong secrets, unreadable records and over-long answers cost nobody an answer: guard, cache, remote, our router, all defaults', async () => {
    const stored = new MemoryTokenStore();
    const token = {
      kind: 'access_token',
      clientId: 'web',
      audience: [API],
      expiresAt: Date.now() + HOUR,
    } as const;
    for (let i = 0; i < REQUESTS; i++) {
      await stored.save({ ...token, token: `fresh-${i}`, subject: `user-${i % USERS}` });
      if (i < USERS) await stored.save({ ...token, token: `kept-${i}`, subject: `user-${i}` });
    }
    await stored.save({ ...token, token: 'ended', subject: 'user-0' });
    await stored.revoke('ended');
    for (let i = 0; i < 5; i++)
      await stored.save({
        ...token,
        token: `large-${i}`,
        subject: 'mallory',
        claims: { groups: 'x'.repeat(70_000) },
      });
    const tokens = {
      find: (value: string) =>
        value.startsWith('broken-') ? ({ kind: 'nonsense' } as unknown as TokenRecord) : stored.find(value),
    };
    const generated = generateClientSecret();
    const chosen = await hashClientSecret('a chosen secret');
    const clients: Client[] = [
      { clientId: 'web', secret: generated.hash },
      { clientId: 'api', secret: generated.hash, audiences: [API] },
      { clientId: 'partner', secret: chosen, audiences: [API] },
      ...[0, 1, 2].map((i) => ({ clientId: `late-${i}`, secret: chosen, audiences: [API] })),
    ];
    const issuer = express().set('trust proxy', true);
    issuer.use(introspectionRouter({ tokens, clients: new MemoryClientStore(clients), issuer: ISSUER }));
    await serving(issuer, (issuerOrigin) => {
      const introspector = cachingIntrospector(
        remoteIntrospector({
          endpoint: issuerOrigin + A,
          clientId: 'api',
          clientSecret: generated.secret,
          allowInsecureRequests: true,
        }),
      );
      const api = express().set('trust proxy', true);
      api.get('/me', requireActiveToken({ introspector, audience: API, audit: () => {} }), (req, res) => {
        res.json({ sub: activeToken(req).sub });
      });
      return serving(api, async (apiOrigin) => {
        const callApi = (value: string, address: string) =>
          crowd.ask({ origin: apiOrigin, path: '/me', address, authorization: `Bearer ${value}` });
        const callIssuer = (authorization: string, value: string, address: string) =>
          crowd.ask({ origin: issuerOrigin, path: A, address, authorization, form: { token: value } });
        const partner = basic('partner', 'a chosen secret');
        // Both have proved who they are before the others come, one of them at an address that it shares with a hostile caller.
        expect((await callIssuer(partner, 'kept-1', HOSTILE[1] as string)).json?.active).toBe(true);
        expect((await callApi('kept-1', '192.0.2.1')).status).toBe(200);
        const attacks = inTurns<(address: string) => Promise<unknown>>([
          (address) => callApi(junk(), address),
          (address) => callApi(junkJwt(), address),
          (address) => callApi(`broken-${Math.floor(Math.random() * 3)}`, address),
          (address) => callApi(`large-${Math.floor(Math.random() * 5)}`, address),
          (address) => callIssuer(basic('partner', junk()), 'kept-1', address),
          (address) => callIssuer(basic('web', junk()), 'kept-1', address),
          (address) => callIssuer(basic(junk(), junk()), 'kept-1', address),
          (address) => callIssuer(`Bearer ${junk()}`, 'kept-1', address),
        ]);
        const address = inTurns(HOSTILE);
        const requests = Array.from({ length: REQUESTS }, (_, i): Honest => {
          const user = i % USERS;
          const from = addressOf(user);
          if (i % 100 === 7) {
            return {
              what: 'a token that has ended',
              send: () => callApi('ended', from),
              isRight: ({ status }) => status === 401,
            };
          }
          if (i % 20 === 3) {
            return {
              what: 'a caller of the issuer that shares an address with a hostile one',
              send: () => callIssuer(partner, `kept-${user}`, HOSTILE[1] as string),
              isRight: ({ status, json }) => status === 200 && json?.sub === `user-${user}`,
            };
          }
          if (i % 400 === 200) {
            return {
              what: 'a caller of the issuer that comes for the first time, with a chosen secret',
              send: () =>
                callIssuer(basic(`late-${Math.floor(i / 400)}`, 'a chosen secret'), `kept-${user}`, from),
              isRight: ({ status, json }) => status === 200 && json?.sub === `user-${user}`,
            };
          }
          const value = i % 2 === 0 ? `fresh-${i}` : `kept-${user}`;
          return {
            what: value,
            send: () => callApi(value, from),
            isRight: ({ status, json }) => status === 200 && json?.sub === `user-${user}`,
          };
        });
        const tally = await mixed(requests, () => attacks()(address()), LOAD);
        expect(tally).toMatchObject({ wrong: 0, examples: [] });
        expect(tally.right).toBeGreaterThanOrEqual(REQUESTS * 0.999);
      });
    });
  });
});

describe('shared fate in front of oidc-provider', () => {
  const server = provider();

  it('strangers with junk, opaque or JWT in form, which it answers with 400, cost nobody an answer', async () => {
    const values = await Promise.all(Array.from({ length: USERS }, () => server.token()));
    const introspector = cachingIntrospector(
      remoteIntrospector({
        issuer: server.origin,
        clientId: 'api',
        clientSecret: SECRET,
        allowInsecureRequests: true,
      }),
      // So that most honest requests are questions to the server as well.
      { maxAge: 200 },
    );
    const api = express().set('trust proxy', true);
    api.get('/me', requireActiveToken({ introspector, audience: API, audit: () => {} }), (req, res) => {
      res.json({ jti: activeToken(req).exp });
    });
    await serving(api, async (origin) => {
      const call = (value: string, address: string) =>
        crowd.ask({ origin, path: '/me', address, authorization: `Bearer ${value}` });
      const attacks = inTurns([junk, junkJwt, junkJwt]);
      const address = inTurns(HOSTILE);
      const requests = Array.from({ length: 400 }, (_, i): Honest => {
        const user = i % USERS;
        const isGood = i % 50 !== 9;
        return {
          what: isGood ? 'a good token' : 'a token that nobody knows',
          send: () => call(isGood ? (values[user] as string) : `honest-${i}`, addressOf(user)),
          isRight: ({ status }) => status === (isGood ? 200 : 401),
        };
      });
      const tally = await mixed(requests, () => call(attacks()(), address()), { ...LOAD, rounds: 2 });
      expect(tally).toMatchObject({ wrong: 0, examples: [] });
    });
  });
});
