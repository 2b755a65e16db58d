import { isIP } from 'node:net';
import { ALGORITHMS, ASYMMETRIC_ALGORITHMS } from '../algorithms.js';
import { isNonEmptyString, isObject } from '../options.js';
import { isPublicJwk } from '../public-jwk.js';
import { readName } from './distinguished-name.js';

/** How a client proves who it is, by the names of the registry "OAuth Token Endpoint Authentication Methods". */
export type ClientAuthMethod = (typeof AUTH_METHODS)[number];

export const AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const;

/** What a client is registered with for proving who it is. */
export interface ClientAuthentication {
  /**
   * The only ways in which it may prove who it is. Default: `client_secret_basic` where it has a `secret`; without one it
   * is a public client, which proves nothing.
   */
  readonly authMethods?: readonly ClientAuthMethod[];
  /**
   * For `client_secret_jwt`: the secret itself, 32 characters or more, since HMAC cannot be verified by a hash of it. Prefer
   * `private_key_jwt`, which needs nothing that is secret here.
   */
  readonly hmacSecret?: string;
  /** Its public keys (RFC 7517 §5): for `private_key_jwt` and `self_signed_tls_client_auth`, and to encrypt answers for it. */
  readonly jwks?: { readonly keys: readonly object[] };
  /** In place of `jwks`: the `https:` URL where it publishes them. */
  readonly jwksUri?: string;
  /** The only algorithm that its assertions may be signed with. Default: any that its method and the router allow. */
  readonly authSigningAlg?: string;
  /**
   * For `tls_client_auth`, one of five: the subject of its certificate as RFC 4514 writes it, the last part first:
   * `CN=orders,O=Example`. Names and OIDs of types, escapes, quotes and `#` hex values mean the same however they are written;
   * values are compared exactly, upper and lower case and spaces included.
   */
  readonly tlsClientAuthSubjectDn?: string;
  /** The same, by a DNS name among the certificate's subject alternative names. */
  readonly tlsClientAuthSanDns?: string;
  /** The same, by a URI. */
  readonly tlsClientAuthSanUri?: string;
  /** The same, by an IP address. */
  readonly tlsClientAuthSanIp?: string;
  /** The same, by an e-mail address. */
  readonly tlsClientAuthSanEmail?: string;
}

/** The members by which a certificate is told to be that of the client (RFC 8705 §2.1.2), of which it has one. */
export const CERTIFICATE_SUBJECTS = [
  'tlsClientAuthSubjectDn',
  'tlsClientAuthSanDns',
  'tlsClientAuthSanUri',
  'tlsClientAuthSanIp',
  'tlsClientAuthSanEmail',
] as const;

export const AUTHENTICATION_MEMBERS: readonly string[] = [
  'authMethods',
  'hmacSecret',
  'jwks',
  'jwksUri',
  'authSigningAlg',
  ...CERTIFICATE_SUBJECTS,
];

/** HMAC takes keys that are as long as its hash, or longer (RFC 7518 §3.2). */
const HMAC_ALGORITHMS: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

export const HMAC_NAMES: readonly string[] = Object.keys(HMAC_ALGORITHMS);

/** The ways in which a client may prove who it is; none for a public one. */
export function authMethodsOf({
  authMethods,
  secret,
}: ClientAuthentication & { readonly secret?: string }): readonly ClientAuthMethod[] {
  return authMethods ?? (secret === undefined ? [] : ['client_secret_basic']);
}

/** Whether a client has nothing to prove who it is (RFC 6749 §2.1). */
export function isPublic(client: ClientAuthentication & { readonly secret?: string }): boolean {
  return authMethodsOf(client).length === 0;
}

/** HMAC algorithms for which a secret is long enough. */
export function hmacAlgorithms(hmacSecret: string): readonly string[] {
  const length = Buffer.byteLength(hmacSecret);
  return HMAC_NAMES.filter((alg) => (HMAC_ALGORITHMS[alg] as number) <= length);
}

type Members = Readonly<Record<string, unknown>>;

/** Says what is wrong with how a client is to prove who it is, naming the member and never its value. */
export function authenticationProblem(client: Members): string | undefined {
  return valueProblem(client) ?? methodsProblem(client);
}

function valueProblem({ jwks, jwksUri, hmacSecret, authSigningAlg, ...rest }: Members): string | undefined {
  if (hmacSecret !== undefined && !(typeof hmacSecret === 'string' && Buffer.byteLength(hmacSecret) >= 32))
    return '"hmacSecret" must be a string of 32 characters or more';
  if (jwks !== undefined && jwksUri !== undefined) return '"jwks" must not be there beside "jwksUri"';
  if (jwks !== undefined && !(isObject(jwks) && Array.isArray(jwks.keys) && jwks.keys.every(isPublicJwk)))
    return '"jwks" must be { keys: [...] } of public JWKs, without the members of private ones such as "d"';
  if (jwksUri !== undefined && !isHttpsUrl(jwksUri))
    return '"jwksUri" must be an https: URL without user, password and fragment';
  const isAlg =
    authSigningAlg === undefined ||
    ASYMMETRIC_ALGORITHMS.includes(authSigningAlg as string) ||
    HMAC_NAMES.includes(authSigningAlg as string);
  if (!isAlg) return `"authSigningAlg" must be HS256, HS384, HS512, or ${ALGORITHMS}`;
  const wrong = CERTIFICATE_SUBJECTS.find(
    (member) => rest[member] !== undefined && !isNonEmptyString(rest[member]),
  );
  if (wrong !== undefined) return `"${wrong}" must be a non-empty string`;
  return subjectProblem(rest);
}

/** What could never match is a mistake, and what would match more than itself is one that lets others in. */
function subjectProblem(client: Members): string | undefined {
  for (const member of CERTIFICATE_SUBJECTS) {
    const value = client[member];
    const problem = value === undefined ? undefined : SUBJECT_PROBLEMS[member](value as string);
    if (problem !== undefined) return `"${member}" must be ${problem}`;
  }
  return undefined;
}

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

const SUBJECT_PROBLEMS: Readonly<
  Record<(typeof CERTIFICATE_SUBJECTS)[number], (value: string) => string | undefined>
> = {
  tlsClientAuthSubjectDn: (value) => {
    const { problem } = readName(value);
    return problem === undefined ? undefined : `a name as RFC 4514 writes it, and this one ${problem}`;
  },
  tlsClientAuthSanDns: unless((value) => HOST.test(value), 'a DNS name without wildcards'),
  tlsClientAuthSanUri: unless((value) => URL.canParse(value), 'an absolute URI'),
  tlsClientAuthSanIp: unless((value) => isIP(value) > 0 && !value.includes('%'), 'an IP address'),
  tlsClientAuthSanEmail: unless((value) => /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(value), 'an e-mail address'),
};

function unless(is: (value: string) => boolean, expected: string): (value: string) => string | undefined {
  return (value) => (is(value) ? undefined : expected);
}

function methodsProblem(client: Members): string | undefined {
  const { authMethods: methods, secret, hmacSecret, jwks, jwksUri } = client;
  const hasKeys = jwks !== undefined || jwksUri !== undefined;
  const subjects = CERTIFICATE_SUBJECTS.filter((member) => client[member] !== undefined);
  if (methods === undefined) {
    // It would be a public client, which proves nothing.
    const [lonely] = secret === undefined && (hasKeys || hmacSecret !== undefined) ? ['keys'] : subjects;
    return lonely && '"authMethods" must say how the client proves who it is';
  }
  const isList =
    Array.isArray(methods) &&
    methods.length > 0 &&
    methods.every((method) => (AUTH_METHODS as readonly unknown[]).includes(method));
  if (!isList) return `"authMethods" must be an array of ${AUTH_METHODS.join(', ')}`;
  const needs: readonly (readonly [ClientAuthMethod, boolean, string])[] = [
    ['client_secret_basic', secret !== undefined, '"secret"'],
    ['client_secret_post', secret !== undefined, '"secret"'],
    ['client_secret_jwt', hmacSecret !== undefined, '"hmacSecret"'],
    ['private_key_jwt', hasKeys, '"jwks" or "jwksUri"'],
    ['self_signed_tls_client_auth', hasKeys, '"jwks" or "jwksUri"'],
    ['tls_client_auth', subjects.length === 1, `one of ${CERTIFICATE_SUBJECTS.join(', ')}`],
  ];
  if (!hasAlgorithm(client)) return '"authSigningAlg" must be one of a method in "authMethods"';
  const unmet = needs.find(([method, isMet]) => methods.includes(method) && !isMet);
  return unmet && `"authMethods" has ${unmet[0]}, which needs ${unmet[2]}`;
}

/** HMAC is for `client_secret_jwt`, and all others for `private_key_jwt`. */
function hasAlgorithm({ authMethods, authSigningAlg }: Members): boolean {
  if (authSigningAlg === undefined) return true;
  const isHmac = HMAC_NAMES.includes(authSigningAlg as string);
  return (authMethods as readonly unknown[]).includes(isHmac ? 'client_secret_jwt' : 'private_key_jwt');
}

function isHttpsUrl(value: unknown): boolean {
  if (!isNonEmptyString(value) || !URL.canParse(value) || value.includes('#')) return false;
  const { protocol, username, password } = new URL(value);
  return protocol === 'https:' && username === '' && password === '';
}
