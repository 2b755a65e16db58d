import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import {
  type Client,
  generateClientSecret,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
  type NewToken,
} from '../lib/index.js';
import { generatedTokens, RESOURCES } from './support/generated-tokens.js';
import { serving } from './support/http.js';
import { type PipelinedAnswer, pipelined } from './support/pipelined.js';
import { modelAnswer } from './support/policy-model.js';
import { A, basic, ISSUER, NOW } from './support/world.js';

const [FIRST, SECOND, THIRD] = RESOURCES as [string, string, string, string];
const SALT = 'a salt of thirty-two bytes, 0123';

type Asker = Parameters<typeof modelAnswer>[0];

/** Five callers, as the model knows them and as they are registered. */
const CALLERS: readonly (readonly [Asker, Client])[] = [
  [
    { id: 'own', sees: 'own', resources: [FIRST] },
    { clientId: 'own', audiences: [FIRST], introspects: 'own' },
  ],
  [
    { id: 'resource', sees: 'audience', resources: [FIRST, SECOND] },
    { clientId: 'resource', audiences: [FIRST, SECOND] },
  ],
  [
    {
      id: 'narrow',
      sees: 'audience',
      resources: [SECOND, THIRD],
      scopes: ['read', 'openid'],
      claims: ['sub', 'acr', 'tenant', 'jti'],
    },
    {
      clientId: 'narrow',
      audiences: [SECOND, THIRD],
      scopes: ['read', 'openid'],
      claims: ['sub', 'acr', 'tenant', 'jti'],
    },
  ],
  [
    { id: 'any', sees: 'any', resources: [], claims: ['username', 'act', 'auth_time', 'email'] },
    { clientId: 'any', introspects: 'any', claims: ['username', 'act', 'auth_time', 'email'] },
  ],
  [
    {
      id: 'pairwise',
      sees: 'audience',
      resources: [FIRST, THIRD],
      claims: ['sub', 'act', 'brand', 'tenant'],
      sector: 'sector.example',
    },
    {
      clientId: 'pairwise',
      audiences: [FIRST, THIRD],
      claims: ['sub', 'act', 'brand', 'tenant'],
      subjectType: 'pairwise',
      sectorIdentifier: 'sector.example',
    },
  ],
];

const EVERYTHING: Asker = { id: '', sees: 'any', resources: [] };

const COUNT = 10_000;

/** As it goes over the wire. */
function requestFor(authorization: string, body: string): string {
  return `POST ${A} HTTP/1.1\r\nHost: id.example.com\r\nAuthorization: ${authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

describe('what callers with different rights see', () => {
  it('I-12 I-14 I-15 I-21 I-29 T-21 T-22 T-26 is, in each of 50,000 answers, what a model of the policy says', async () => {
    const ids = CALLERS.map(([{ id }]) => id);
    const generated = generatedTokens(COUNT, NOW, { known: ['app', ...ids], dead: ['disabled', 'gone'] });
    const tokens = new MemoryTokenStore({ clock: () => NOW });
    for (const token of generated) await tokens.save(token);
    expect(tokens.size).toBe(COUNT);
    const secrets = new Map(ids.map((id) => [id, generateClientSecret()]));
    const clients = new MemoryClientStore([
      { clientId: 'app' },
      { clientId: 'disabled', disabled: true },
      ...CALLERS.map(([{ id }, client]) => ({ ...client, secret: secrets.get(id)?.hash as string })),
    ]);
    const router = introspectionRouter({
      tokens,
      clients,
      issuer: ISSUER,
      clock: () => NOW,
      rateLimit: false,
      pairwise: { salt: SALT },
    });
    const situation = { now: NOW, liveClients: new Set(['app', ...ids]), salt: SALT };

    // Whatever the order of its members, an answer is as long as another one with the same.
    const lengths = generated.map(
      (token) => JSON.stringify(modelAnswer(EVERYTHING, token as never, situation)).length,
    );
    const question = (index: number) => {
      const [asker] = CALLERS[index % 5] as (typeof CALLERS)[number];
      return { asker, token: generated[Math.floor(index / 5)] as NewToken };
    };
    const wrong: object[] = [];
    const seen = new Map(ids.map((id) => [id, { live: 0, narrowed: 0 }]));
    const compare = ({ status, body }: PipelinedAnswer, index: number): void => {
      const { asker, token } = question(index);
      const expected = modelAnswer(asker, token as never, situation);
      if (status !== 200 || !isDeepStrictEqual(JSON.parse(body), expected)) {
        wrong.push({ asker: asker.id, token, status, body, expected });
      }
      const counts = seen.get(asker.id) as { live: number; narrowed: number };
      if (expected.active === true) counts.live += 1;
      if (expected.active === true && body.length !== lengths[Math.floor(index / 5)]) counts.narrowed += 1;
    };
    const headers = new Map(ids.map((id) => [id, basic(id, secrets.get(id)?.secret as string)]));
    const request = (index: number): string => {
      const { asker, token } = question(index);
      return requestFor(headers.get(asker.id) as string, `token=${token.token}`);
    };
    await serving(express().use(router), (origin) => pipelined(origin, 5 * COUNT, request, compare));
    expect({ wrong: wrong.length, such: wrong.slice(0, 3) }).toStrictEqual({ wrong: 0, such: [] });
    // The model said something worth comparing, of live tokens and dead ones, of whole answers and narrowed ones.
    for (const [id, { live, narrowed }] of seen) {
      expect([id, live > 1000, live < 7000, narrowed > 900]).toStrictEqual([id, true, true, id !== 'own']);
    }
  }, 180_000);
});
