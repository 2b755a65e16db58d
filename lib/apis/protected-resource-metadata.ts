import express, { type Router } from 'express';
import { publicDocument } from '../http/public-document.js';
import { checkBoolean, isNonEmptyString, isObject, isWebUrl, knownOptions, must } from '../options.js';
import { isScopeValue } from '../tokens/check-token-record.js';

/** What an API tells of itself (RFC 9728 §2). */
export interface ProtectedResourceMetadataOptions {
  /** The API's resource identifier: an `https:` URL without a fragment; `http:` on this machine only. What is `audience` of its guards. */
  readonly resource: string;
  /** The issuer identifiers of the authorization servers whose tokens it takes. */
  readonly authorizationServers?: readonly string[];
  /** Scope values that clients may ask for. */
  readonly scopes?: readonly string[];
  /** The ways in which a token may come. Default `['header']`, as the guard has it; `['header', 'body']` with `tokenFrom: 'body'`. */
  readonly bearerMethods?: readonly ('header' | 'body')[];
  /** Whether only tokens that are bound to a DPoP key are taken, as with `dpop: { required: true }`. */
  readonly dpopRequired?: boolean;
  /** The algorithms of DPoP proofs that are taken. */
  readonly dpopAlgorithms?: readonly string[];
  /** Whether tokens that are bound to a client certificate (RFC 8705) are taken. */
  readonly certificateBound?: boolean;
  /** A name for people. */
  readonly name?: string;
  /** The URL of the API's documentation for developers. */
  readonly documentation?: string;
  /** Other members, under their registered names. They replace none of the above. */
  readonly more?: Readonly<Record<string, unknown>>;
}

const FACTORY = 'protectedResourceMetadata';
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const KNOWN = [
  'resource',
  'authorizationServers',
  'scopes',
  'bearerMethods',
  'dpopRequired',
  'dpopAlgorithms',
  'certificateBound',
  'name',
  'documentation',
  'more',
];

/**
 * Serves the metadata of a protected resource (RFC 9728) at the well-known path that its
 * identifier demands. Mount it at the root of the host: `app.use(protectedResourceMetadata({ … }))`.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function protectedResourceMetadata(options: ProtectedResourceMetadataOptions): Router {
  const metadata = metadataOf(options);
  const { pathname, search } = new URL(resourceMetadataUrl(options.resource));
  const path = pathname + search;
  const router = express.Router();
  router.use(publicDocument(path, () => metadata));
  return router;
}

/**
 * Where the metadata of a resource is (RFC 9728 §3.1): what a guard's `resourceMetadata` has to be.
 *
 * @throws TypeError for what is no resource identifier
 */
export function resourceMetadataUrl(resource: string): string {
  const url = resourceUrl(resource);
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.origin}${WELL_KNOWN}${path}${url.search}`;
}

function resourceUrl(resource: unknown): URL {
  const url = isNonEmptyString(resource) && URL.canParse(resource) ? new URL(resource) : undefined;
  const isSecure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url));
  must(
    url !== undefined &&
      isSecure &&
      isNormal(resource as string, url) &&
      url.hash === '' &&
      url.username === '' &&
      url.password === '',
    FACTORY,
    'resource',
    'an absolute https: URL in normal form, without a fragment',
  );
  return url;
}

/** Clients compare the identifier letter by letter (RFC 9728 §3.3). */
function isNormal(resource: string, { href }: URL): boolean {
  return resource === href || `${resource}/` === href;
}

function isThisMachine({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}

function metadataOf(options: ProtectedResourceMetadataOptions): object {
  knownOptions(FACTORY, options, KNOWN);
  const {
    resource,
    authorizationServers,
    scopes,
    bearerMethods = ['header'],
    dpopAlgorithms,
    more,
  } = options;
  resourceUrl(resource);
  must(isListOf(authorizationServers, isWebUrl), FACTORY, 'authorizationServers', 'an array of URLs');
  must(isListOf(scopes, isScopeValue), FACTORY, 'scopes', 'an array of scope values');
  must(isListOf(bearerMethods, isBearerMethod), FACTORY, 'bearerMethods', 'an array of "header" and "body"');
  must(isListOf(dpopAlgorithms, isNonEmptyString), FACTORY, 'dpopAlgorithms', 'an array of names');
  must(options.name === undefined || isNonEmptyString(options.name), FACTORY, 'name', 'a non-empty string');
  must(
    options.documentation === undefined || isWebUrl(options.documentation),
    FACTORY,
    'documentation',
    'a URL',
  );
  checkBoolean(FACTORY, 'dpopRequired', options.dpopRequired);
  checkBoolean(FACTORY, 'certificateBound', options.certificateBound);
  must(more === undefined || isObject(more), FACTORY, 'more', 'an object');
  const members = {
    ...more,
    resource,
    authorization_servers: authorizationServers,
    scopes_supported: scopes,
    bearer_methods_supported: bearerMethods,
    dpop_bound_access_tokens_required: options.dpopRequired,
    dpop_signing_alg_values_supported: dpopAlgorithms,
    tls_client_certificate_bound_access_tokens: options.certificateBound,
    resource_name: options.name,
    resource_documentation: options.documentation,
  };
  // RFC 9728 §3.2: a member without values is left out. Only this one says something when it is empty (§2).
  return Object.fromEntries(
    Object.entries(members).filter(
      ([name, value]) => value !== undefined && (name === 'bearer_methods_supported' || !isEmptyArray(value)),
    ),
  );
}

function isListOf(list: unknown, is: (value: unknown) => boolean): boolean {
  return list === undefined || (Array.isArray(list) && list.every(is));
}

function isBearerMethod(value: unknown): boolean {
  return value === 'header' || value === 'body';
}

function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
