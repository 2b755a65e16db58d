import express, { type RequestHandler, type Router } from 'express';
import { type Reporter, watchDocument } from '../http/audit.js';
import { publicDocument } from '../http/public-document.js';
import { isObject, isWebUrl, must } from '../options.js';
import { type Soon, whenKnown } from '../thenable.js';

/** What a router has mounted, as its metadata tells it. */
export interface Mounted extends Reporter {
  readonly issuer: string;
  /** Refuses requests that did not come by TLS. */
  readonly requireTls: boolean;
  /** Members that name an endpoint, and its path in the router. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** All other members, as they are now. May fail, with an HttpError for one. */
  readonly members: () => Soon<Readonly<Record<string, unknown>>>;
}

export interface MetadataOptions {
  /**
   * Members for the metadata of the issuer (RFC 8414 §2) that are not about this router, such as `token_endpoint` and
   * `response_types_supported`; they replace none of its own but `jwks_uri`, where the issuer publishes all its keys elsewhere, ours
   * among them. `false` serves no metadata, for an issuer that serves its own.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | false;
  /** The URL under which clients reach the router, where that is not the origin of the issuer. */
  readonly baseUrl?: string;
}

export const METADATA_OPTIONS = ['metadata', 'baseUrl'] as const;

export const WELL_KNOWN = '/.well-known/oauth-authorization-server';

/**
 * Serves the metadata of an authorization server (RFC 8414) at the well-known path of its issuer, which is at the root of the
 * host: for a router that is mounted elsewhere, {@link authorizationServerMetadata} serves it. `undefined` where it is not wanted, or the issuer is no URL.
 *
 * @throws TypeError that names a bad option
 */
export function metadataHandler(
  factory: string,
  { metadata, baseUrl }: MetadataOptions,
  mounted: Mounted,
): RequestHandler | undefined {
  must(
    metadata === undefined || metadata === false || isObject(metadata),
    factory,
    'metadata',
    'an object, or false',
  );
  must(
    !isObject(metadata) || metadata.jwks_uri === undefined || isWebUrl(metadata.jwks_uri),
    factory,
    'metadata.jwks_uri',
    'an absolute URL',
  );
  must(
    baseUrl === undefined || webUrl(baseUrl) !== undefined,
    factory,
    'baseUrl',
    'an absolute URL without query and fragment',
  );
  must(
    !isObject(metadata) || webUrl(mounted.issuer) !== undefined,
    factory,
    'metadata',
    'left out where the "issuer" is no URL, or one with a query or a fragment',
  );
  if (metadata === false || !webUrl(mounted.issuer)) return undefined;
  const at = clientsReach(mounted.issuer, baseUrl);
  const endpoints = Object.entries(mounted.endpoints).map(([name, path]) => [name, `${at}${path}`]);
  const documentOf = (): Soon<object> =>
    whenKnown(mounted.members(), (members) =>
      withoutEmpty({
        ...metadata,
        issuer: mounted.issuer,
        ...Object.fromEntries(endpoints),
        ...members,
        // There is one for all keys by which clients verify what the issuer has signed (RFC 8414 §2), and who names one has it.
        ...(isObject(metadata) && metadata.jwks_uri !== undefined && { jwks_uri: metadata.jwks_uri }),
      }),
    );
  return publicDocument(metadataPath(mounted.issuer), documentOf, {
    requireTls: mounted.requireTls,
    watch: (req) => watchDocument(mounted, 'metadata', req),
  });
}

/** The metadata of each router that has some, and where it is. */
const ofRouters = new WeakMap<object, { readonly path: string; readonly serve: RequestHandler }>();

/** Has a router serve the metadata where it is mounted, and {@link authorizationServerMetadata} at the root. */
export function serveMetadata(router: Router, issuer: string, serve: RequestHandler): void {
  router.use(serve);
  ofRouters.set(router, { path: metadataPath(issuer), serve });
}

/**
 * Serves the metadata (RFC 8414) of routers that are mounted under a path, each for an issuer of its own. Their well-known paths
 * are at the root of the host (RFC 8414 §3.1), which those routers do not see. Mount it there:
 * `app.use('/a', a); app.use('/b', b); app.use(authorizationServerMetadata(a, b));`. Each of them needs a `baseUrl`: the URL that it
 * is mounted at.
 *
 * @param routers of `introspectionRouter`, with metadata
 * @throws TypeError for a router without metadata, and for two of one issuer
 */
export function authorizationServerMetadata(...routers: readonly Router[]): Router {
  const factory = 'authorizationServerMetadata';
  must(routers.length > 0, factory, 'routers', 'one router or more');
  const root = express.Router();
  const paths = new Set<string>();
  for (const router of routers) {
    const known = ofRouters.get(router);
    must(
      known !== undefined,
      factory,
      'routers',
      'of introspectionRouter, with an "issuer" that is a URL and without "metadata: false"',
    );
    must(!paths.has(known.path), factory, 'routers', 'of different issuers: two have the same path');
    paths.add(known.path);
    root.use(known.serve);
  }
  return root;
}

/** RFC 8414 §3.1: between the host and the path of an issuer that is a URL, without the slash at the end of that. */
export function metadataPath(issuer: string): string {
  return WELL_KNOWN + new URL(issuer).pathname.replace(/\/$/, '');
}

/** The URL under which clients reach the router, without a slash at its end; `undefined` where nothing says. */
export function clientsReach(issuer: string, baseUrl: string | undefined): string | undefined {
  return baseUrl === undefined ? webUrl(issuer)?.origin : new URL(baseUrl).href.replace(/\/$/, '');
}

function webUrl(value: unknown): URL | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  return isWeb && !/[?#]/.test(value as string) && url.username === '' && url.password === ''
    ? url
    : undefined;
}

/** RFC 8414 §3.2: a member without values is left out. */
function withoutEmpty(members: Readonly<Record<string, unknown>>): object {
  const isEmpty = (value: unknown): boolean =>
    value === undefined || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isEmpty(value)));
}
