import { describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import request from 'supertest';
import { RegisteredKeys } from '../../lib/apis/client-keys.js';
import type { Client } from '../../lib/index.js';
import { connectionSettings } from '../../lib/introspection/remote/connection-options.js';
import { A, API, ISSUER, SECONDS, type World, world } from '../support/world.js';

const one = await generateKeyPair('ES256');
const two = await generateKeyPair('ES256');
const jwk = async ({ publicKey }: typeof one, kid: string) => ({ ...(await exportJWK(publicKey)), kid });

const CLIENTS: readonly Client[] = ['app-1', 'app-2'].map((clientId) => ({
  clientId,
  authMethods: ['private_key_jwt'],
  jwksUri: `https://${clientId}.example/jwks`,
  audiences: [API],
}));

async function ask({ app }: World, { privateKey }: typeof one, kid: string, clientId = 'app-1') {
  const client_assertion = await new SignJWT({ jti: String(Math.random()) })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(ISSUER)
    .setExpirationTime(SECONDS + 60)
    .sign(privateKey);
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  return request(app)
    .post(A)
    .type('form')
    .send({ token: 'at-live', client_assertion, client_assertion_type });
}

describe('the keys that a client publishes', () => {
  it('A-14 A-19 are fetched when first needed, and again when the client has a new one', async () => {
    const asked: string[] = [];
    let keys = [await jwk(one, 'one')];
    const w = await world({
      moreClients: CLIENTS,
      fetch: async (url) => {
        asked.push(String(url));
        return Response.json({ keys });
      },
    });
    for (let i = 0; i < 3; i++) expect((await ask(w, one, 'one')).body).toMatchObject({ active: true });
    expect(asked).toStrictEqual(['https://app-1.example/jwks']);
    keys = [await jwk(two, 'two')];
    w.clock.now += 31_000;
    expect((await ask(w, two, 'two')).body).toMatchObject({ active: true });
    expect((await ask(w, one, 'one')).status).toBe(401);
    expect(asked).toHaveLength(2);
    // Each client has its own.
    expect((await ask(w, two, 'two', 'app-2')).status).toBe(200);
    expect(asked.at(-1)).toBe('https://app-2.example/jwks');
  });

  it.each([
    ['cannot be reached', async () => Promise.reject(new TypeError('fetch failed'))],
    ['are an error', async () => new Response('down', { status: 503, headers: { 'Retry-After': '7' } })],
    ['are no keys', async () => Response.json({ keys: 5 })],
    [
      'are elsewhere',
      async () => new Response('', { status: 302, headers: { Location: 'https://x.example' } }),
    ],
  ])('A-14 are an outage, and no wrong credentials, where they %s', async (_what, fetch) => {
    const w = await world({ moreClients: CLIENTS, fetch });
    const answer = await ask(w, one, 'one');
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(w.events.at(-1)).toMatchObject({ outcome: 'unavailable' });
  });

  it('A-14 A-09 what none of the known keys has signed is wrong, while newer ones cannot be had', async () => {
    let asked = 0;
    let isDown = false;
    const keys = [await jwk(one, 'one')];
    const w = await world({
      moreClients: CLIENTS,
      rateLimit: { failures: { windowMs: 600_000, limit: 3 } },
      fetch: async () => {
        asked += 1;
        return isDown ? new Response('down', { status: 503 }) : Response.json({ keys });
      },
    });
    expect((await ask(w, one, 'one')).status).toBe(200);
    isDown = true;
    w.clock.now += 31_000;
    expect((await ask(w, two, 'two')).status).toBe(401);
    expect((await ask(w, one, 'one')).status).toBe(200);
    for (const status of [401, 401, 429]) {
      w.clock.now += 2000;
      expect((await ask(w, two, 'two')).status).toBe(status);
    }
    // Once when they were first needed, and once more for all of these.
    expect(asked).toBe(2);
  });

  it('A-14 says when to come back where that is known', async () => {
    const fetch = async () => new Response('down', { status: 503, headers: { 'Retry-After': '7' } });
    const answer = await ask(await world({ moreClients: CLIENTS, fetch }), one, 'one');
    expect(answer.headers['retry-after']).toBe('7');
  });

  it('A-14 of the registration are found by what they are, in whichever object', async () => {
    const registered = { keys: [await jwk(one, 'one')] };
    const clients = {
      find: (clientId: string): Client => ({
        clientId,
        authMethods: ['private_key_jwt'],
        jwks: structuredClone(registered),
        audiences: [API],
      }),
    };
    const w = await world({ clients });
    for (let i = 0; i < 2; i++) expect((await ask(w, one, 'one')).status).toBe(200);
    expect((await ask(w, two, 'one')).status).toBe(401);
    registered.keys = [await jwk(two, 'one')];
    expect((await ask(w, two, 'one')).status).toBe(200);
  });

  it('are not blamed for a fault of who looks among them', async () => {
    const settings = connectionSettings('test', {
      telemetry: false,
      fetch: async () => Response.json({ keys: [await jwk(one, 'one')] }),
    });
    const fault = new TypeError('a slip');
    const found = new RegisteredKeys(settings).find(CLIENTS[0] as Client, () => {
      throw fault;
    });
    await expect(found).rejects.toBe(fault);
  });
});
