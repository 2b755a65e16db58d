import {
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';
import { type Introspector, type JwtIntrospectorOptions, jwtIntrospector } from '../../lib/index.js';
import { json, type Script, type Upstream, upstream } from './scripted-server.js';
import { API, NOW, SECONDS } from './world.js';

type SigningKey = GenerateKeyPairResult['privateKey'] | Uint8Array;

/** A key of an issuer: what it signs with, and what it publishes. */
export interface IssuerKey {
  readonly sign: GenerateKeyPairResult['privateKey'];
  readonly jwk: JWK;
}

export async function issuerKey(kid: string | undefined, alg = 'ES256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    sign: privateKey,
    jwk: { ...(await exportJWK(publicKey)), alg, use: 'sig', ...(kid !== undefined && { kid }) },
  };
}

export interface Changes {
  readonly claims?: Record<string, unknown>;
  readonly header?: Partial<Record<keyof JWTHeaderParameters, unknown>>;
  readonly by?: SigningKey;
}

export const KEY: IssuerKey = await issuerKey('one');

/** An issuer of JWT access tokens on a real port, and an introspector that believes it. */
export interface JwtIssuer {
  readonly server: Upstream;
  readonly origin: string;
  readonly clock: { now: number };
  /** What it answers about its keys; to change as a test goes on. */
  keys: Script;
  metadata: Script;
  readonly introspector: Introspector;
  /** One more introspector of its own. */
  readonly another: (options?: Partial<JwtIntrospectorOptions>) => Introspector;
  /** A token that is right, save for what is changed. */
  readonly token: (changes?: Changes) => Promise<string>;
  /** The paths of all requests so far; those of the keys alone. */
  readonly paths: () => readonly string[];
  readonly keyRequests: () => number;
}

export const published = (...keys: readonly IssuerKey[]): Script =>
  json({ keys: keys.map(({ jwk }) => jwk) });

/** The options are those of the introspector; it is given the `jwksUri`, unless that is `undefined`. */
export async function jwtIssuer(options: Partial<JwtIntrospectorOptions> = {}): Promise<JwtIssuer> {
  const server = await upstream((res, request, socket) => {
    const script = request.path === '/jwks' ? issuer.keys : issuer.metadata;
    script(res, request, socket);
  });
  const { origin } = server;
  const clock = { now: NOW };
  const another = (more: Partial<JwtIntrospectorOptions> = {}): Introspector => {
    const { jwksUri, ...all } = {
      issuer: origin,
      jwksUri: `${origin}/jwks`,
      allowInsecureRequests: true,
      clock: () => clock.now,
      ...options,
      ...more,
    };
    return jwtIntrospector({ ...all, ...(jwksUri !== undefined && { jwksUri }) });
  };
  const paths = (): readonly string[] => server.seen.map(({ path }) => path);
  const issuer: JwtIssuer = {
    server,
    origin,
    clock,
    keys: published(KEY),
    metadata: json({ issuer: origin, jwks_uri: `${origin}/jwks` }),
    introspector: another(),
    another,
    token: (changes) => signedToken(origin, changes),
    paths,
    keyRequests: () => paths().filter((path) => path === '/jwks').length,
  };
  return issuer;
}

/** An RFC 9068 access token that is good for a minute, save for what is changed; `undefined` takes a member away. */
export function signedToken(
  issuer: string,
  { claims, header, by = KEY.sign }: Changes = {},
): Promise<string> {
  return new SignJWT({
    iss: issuer,
    exp: SECONDS + 60,
    aud: API,
    sub: 'alice',
    client_id: 'app',
    iat: SECONDS,
    jti: 'j',
    scope: 'orders:read',
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt', ...header } as JWTHeaderParameters)
    .sign(by);
}

/** A JWT with any bytes in it, signed or not. */
export function assembled(header: unknown, claims: unknown, signature = ''): string {
  const part = (value: unknown): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}
