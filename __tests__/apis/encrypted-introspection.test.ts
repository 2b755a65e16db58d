import { describe, expect, it } from '@jest/globals';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import { JWKS_PATH } from '../../lib/apis/jwks.js';
import type { Client } from '../../lib/index.js';
import { serving } from '../support/http.js';
import { ask, type Caller, caller, EC, encryptionKey, JWT, KEYS, verified } from '../support/signing.js';
import { A, basic, ISSUER, type WorldOptions, world } from '../support/world.js';

const rsa = await encryptionKey('RSA-OAEP-256', { kid: 'enc-1', use: 'enc' });
const ec = await encryptionKey('ECDH-ES', { kid: 'enc-2' });
const registered = (more: Partial<Client>): Caller =>
  caller('rs', {
    jwks: { keys: [rsa.jwk, ec.jwk] },
    introspectionEncryptedResponseAlg: 'RSA-OAEP-256',
    ...more,
  });
const { client, authorization, secret } = registered({});
const ACCEPTS = [JWT, 'application/json', '*/*', `${JWT};q=0`, 'text/html', ''];

describe('a client that is registered for encryption', () => {
  it.each(ACCEPTS)('J-08 gets a nested JWT, of live and dead tokens, by Accept: %p', async (accept) => {
    const { app } = await world({ keys: KEYS, moreClients: [client] });
    for (const [token, active] of [
      ['at-live', true],
      ['never-seen', false],
      ['at-other-api', false],
    ] as const) {
      const answer = await ask(app, authorization, token, accept);
      expect([answer.status, answer.headers['content-type']]).toStrictEqual([200, JWT]);
      const { plaintext, protectedHeader } = await jose.compactDecrypt(String(answer.body), rsa.privateKey);
      expect(protectedHeader).toStrictEqual({
        alg: 'RSA-OAEP-256',
        enc: 'A128CBC-HS256',
        cty: 'JWT',
        typ: 'token-introspection+jwt',
        kid: 'enc-1',
      });
      const { payload } = await verified(app, Buffer.from(plaintext).toString(), 'rs');
      expect(payload.token_introspection).toMatchObject({ active });
      if (!active) expect(payload.token_introspection).toStrictEqual({ active: false });
    }
  });

  it.each([
    ['RSA-OAEP-256', 'A256GCM', rsa],
    ['ECDH-ES', 'A128GCM', ec],
    ['ECDH-ES+A128KW', 'A256CBC-HS512', ec],
  ])('J-09 can have %s with %s, which oauth4webapi decrypts', async (alg, enc, key) => {
    const one = registered({
      introspectionEncryptedResponseAlg: alg,
      introspectionEncryptedResponseEnc: enc,
      introspectionSignedResponseAlg: 'ES256',
    });
    const { app } = await world({ keys: KEYS, moreClients: [one.client] });
    await serving(app, async (origin) => {
      const server = { issuer: ISSUER, introspection_endpoint: origin + A, jwks_uri: origin + JWKS_PATH };
      const known = { client_id: 'rs', introspection_signed_response_alg: 'ES256' };
      const overHttp = { [oauth.allowInsecureRequests]: true };
      const answer = await oauth.introspectionRequest(
        server,
        known,
        oauth.ClientSecretBasic(one.secret),
        'at-live',
        { ...overHttp, requestJwtResponse: true },
      );
      const json = await oauth.processIntrospectionResponse(server, known, answer, {
        [oauth.jweDecrypt]: async (jwe: string) => {
          const { plaintext, protectedHeader } = await jose.compactDecrypt(jwe, key.privateKey);
          expect(protectedHeader).toMatchObject({ alg, enc });
          return Buffer.from(plaintext).toString();
        },
      });
      await oauth.validateApplicationLevelSignature(server, answer, overHttp);
      expect(json).toMatchObject({ active: true, sub: 'alice' });
    });
  });

  it.each<[string, Partial<Client>, WorldOptions, number, object]>([
    [
      'the router has no keys',
      {},
      { keys: undefined as never },
      500,
      { message: 'client: its answers are to be encrypted, which needs "keys"' },
    ],
    [
      'no key is for its signatures',
      {},
      { keys: [EC] },
      500,
      { message: 'keys: none is for RS256, with which answers for the caller are signed' },
    ],
    ['the keys cannot be had', {}, { keys: () => Promise.reject(new Error('down')) }, 503, { name: 'Error' }],
    [
      'none of its keys fits',
      { jwks: { keys: [ec.jwk] } },
      { keys: KEYS },
      500,
      { message: 'client: no key of it fits its "introspectionEncryptedResponseAlg"' },
    ],
    [
      'it has no keys',
      { jwks: { keys: [] } },
      { keys: KEYS },
      500,
      { message: 'client: no key of it fits its "introspectionEncryptedResponseAlg"' },
    ],
    [
      'its key is broken',
      { jwks: { keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB' }] } },
      { keys: KEYS },
      500,
      { message: 'client: its key for encryption cannot be used' },
    ],
    [
      'its keys are elsewhere and cannot be had',
      { jwks: undefined as never, jwksUri: 'https://rs.example/jwks' },
      { keys: KEYS, fetch: async () => Promise.reject(new TypeError('fetch failed')) },
      503,
      { name: 'IntrospectionUnavailableError' },
    ],
  ])(
    'is never told anything in plain JSON, nor without encryption: an error where %s',
    async (_what, more, options, status, fault) => {
      const one = registered(more);
      const { keys, ...rest } = options;
      const { app, events } = await world({
        ...rest,
        ...(keys !== undefined && { keys }),
        moreClients: [one.client],
      });
      for (const accept of ACCEPTS) {
        for (const token of ['at-live', 'never-seen']) {
          const answer = await ask(app, one.authorization, token, accept);
          expect([answer.status, JSON.parse(answer.body as string)]).toStrictEqual([
            status,
            {
              error: status === 500 ? 'server_error' : 'temporarily_unavailable',
              error_description: expect.any(String),
            },
          ]);
          expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
          expect(events.at(-1)).toMatchObject({
            outcome: status === 500 ? 'failed' : 'unavailable',
            fault,
          });
        }
      }
    },
  );

  it('has its keys fetched where it publishes them', async () => {
    const asked: unknown[] = [];
    const { app } = await world({
      moreClients: [{ ...client, jwks: undefined as never, jwksUri: 'https://rs.example/jwks' }],
      keys: KEYS,
      fetch: async (url) => {
        asked.push(url);
        return Response.json({ keys: [rsa.jwk] });
      },
    });
    for (let i = 0; i < 2; i++) {
      const { body } = await ask(app, authorization, 'at-live', 'application/json');
      const { plaintext } = await jose.compactDecrypt(String(body), rsa.privateKey);
      expect(jose.decodeJwt(Buffer.from(plaintext).toString())).toMatchObject({ aud: 'rs' });
    }
    expect(asked).toStrictEqual(['https://rs.example/jwks']);
  });

  it('still gets its errors in JSON', async () => {
    const { app } = await world({ keys: KEYS, moreClients: [client] });
    const answer = await ask(app, basic('rs', `${secret}x`), 'at-live');
    expect([answer.status, JSON.parse(answer.body as string)]).toMatchObject([
      401,
      { error: 'invalid_client' },
    ]);
  });
});
