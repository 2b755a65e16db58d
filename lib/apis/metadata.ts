import type { RequestHandler } from 'express';
import { type Reporter, watchDocument } from '../http/audit.js';
import { publicDocument } from '../http/public-document.js';
import { isObject, must } from '../options.js';
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
   * `response_types_supported`; they replace none of its own. `false` serves no metadata, for an issuer that serves its own.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | false;
  /** The URL under which clients reach the router, where that is not the origin of the issuer. */
  readonly baseUrl?: string;
}

export const METADATA_OPTIONS = ['metadata', 'baseUrl'] as const;

export const WELL_KNOWN = '/.well-known/oauth-authorization-server';

/**
 * Serves the metadata of an authorization server (RFC 8414) at the well-known path of its issuer, which is at the root of the
 * host: a router that is mounted elsewhere cannot serve it. `undefined` where it is not wanted, or the issuer is no URL.
 *
 * @throws TypeError that names a bad option
 */
export function authorizationServerMetadata(
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
      withoutEmpty({ ...metadata, issuer: mounted.issuer, ...Object.fromEntries(endpoints), ...members }),
    );
  return publicDocument(metadataPath(mounted.issuer), documentOf, {
    requireTls: mounted.requireTls,
    watch: (req) => watchDocument(mounted, 'metadata', req),
  });
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
