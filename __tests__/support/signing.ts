import type { Express } from 'express';
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import request from 'supertest';
import { JWKS_PATH } from '../../lib/apis/jwks.js';
import { type Client, generateClientSecret, type PrivateJwk } from '../../lib/index.js';
import { A, API, basic, ISSUER, NOW, postToken } from './world.js';

/** A new private key to sign with. */
export async function privateJwk(kid: string, alg: string): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg };
}

/** One key for each of the types of which the making takes long. */
export const RSA: PrivateJwk = await privateJwk('rsa', 'RS256');
export const EC: PrivateJwk = await privateJwk('ec', 'ES256');
export const ED: PrivateJwk = await privateJwk('ed', 'EdDSA');
export const KEYS: readonly PrivateJwk[] = [RSA, EC, ED];

export const JWT = 'application/token-introspection+jwt';

/** What is private of these three, each as it stands in a JWK. */
export function secretsOf(...jwks: readonly PrivateJwk[]): readonly string[] {
  return jwks.flatMap((jwk) =>
    ['d', 'p', 'q', 'dp', 'dq', 'qi'].flatMap((member) => (member in jwk ? [String(jwk[member])] : [])),
  );
}

/** A key that answers are encrypted to: what the client keeps, and what it registers. */
export interface EncryptionKey {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
}

export async function encryptionKey(
  alg: string,
  more: Partial<JWK> = {},
  crv?: string,
): Promise<EncryptionKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, {
    extractable: true,
    ...(crv !== undefined && { crv }),
  });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), ...more } };
}

/** A client that may introspect tokens of the API, and its credentials. */
export interface Caller {
  readonly client: Client;
  readonly secret: string;
  readonly authorization: string;
}

export function caller(clientId: string, more: Partial<Client> = {}): Caller {
  const { secret, hash } = generateClientSecret();
  const client: Client = { clientId, secret: hash, audiences: [API], ...more };
  return { client, secret, authorization: basic(clientId, secret) };
}

/** Asks about a token, and has the body as it came, whatever its type. */
export const ask = (app: Express, authorization: string, token: string, accept: string = JWT): request.Test =>
  postToken(app, A, authorization, token)
    .set('Accept', accept)
    .buffer(true)
    .parse((res, done) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => done(null, Buffer.concat(chunks).toString()));
    });

/** What a signed answer says, verified by the keys that are published. */
export async function verified(
  app: Express,
  jwt: unknown,
  audience: string,
): Promise<Pick<JWTVerifyResult, 'payload' | 'protectedHeader'>> {
  const { body } = await request(app).get(JWKS_PATH);
  const { payload, protectedHeader } = await jwtVerify(
    String(jwt),
    createLocalJWKSet(body as JSONWebKeySet),
    { issuer: ISSUER, audience, typ: 'token-introspection+jwt', currentDate: new Date(NOW) },
  );
  return { payload, protectedHeader };
}
