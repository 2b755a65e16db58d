import { JWKS_PATH } from '../apis/jwks.js';
import { WELL_KNOWN } from '../apis/metadata.js';
import { INTROSPECTION_PATH } from '../apis/oauth-introspection.js';
import { REFRESH_TOKEN_PATHS } from '../apis/refresh-token-introspection.js';
import { REVOCATION_PATH } from '../apis/revocation.js';
import { REVOCATION_BY_OWNER_PATHS } from '../apis/revocation-by-owner.js';
import { tokenPaths } from '../apis/token-details.js';
import { frozenJson } from '../frozen-copy.js';
import { isNonEmptyString, isObject, knownOptions, must } from '../options.js';

export interface OpenApiServer {
  /** The URL before the paths, absolute or relative to the document's, without a slash at its end. */
  readonly url: string;
  readonly description?: string;
}

/** The Info Object of OpenAPI. */
export interface OpenApiInfo {
  /** Default `Token introspection`. */
  readonly title?: string;
  /** The version of the document. Default `1.0.0`. */
  readonly version?: string;
  readonly summary?: string;
  /** Default: what holds for all operations. */
  readonly description?: string;
  readonly termsOfService?: string;
  readonly contact?: { readonly name?: string; readonly url?: string; readonly email?: string };
  readonly license?: { readonly name: string; readonly identifier?: string; readonly url?: string };
}

export interface OpenApiOptions {
  /** Where the document is, under the path where the router is mounted. A path that an API has stays the API's. Default `/openapi.json`. */
  readonly path?: string;
  /**
   * Under which URLs clients reach the router. Default: `baseUrl`, or the origin of an issuer that is a URL. A gateway has no
   * default, which stands for the root of the host that serves the document.
   */
  readonly servers?: readonly OpenApiServer[];
  readonly info?: OpenApiInfo;
}

export interface OpenApiRouterOptions {
  /** Serves an OpenAPI 3.1 document of what the router has mounted, which everybody may read. Default false. */
  readonly openapi?: boolean | OpenApiOptions;
}

/** The options, checked, copied and with their defaults. */
export interface OpenApiSettings {
  readonly path: string;
  readonly servers?: readonly OpenApiServer[];
  readonly info: OpenApiInfo;
}

/** Characters that mean nothing but themselves, neither in a URL nor in OpenAPI. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/;
/** To which a path can be appended. */
const SERVER_URL = /^(?:\/|[^\s?#{}]*[^\s?#{}/])$/;
const TEXTS = ['title', 'version', 'summary', 'description', 'termsOfService'];

/** As Express compares them: in either case, and with a slash at the end or without. */
const TAKEN: readonly RegExp[] = [
  INTROSPECTION_PATH,
  REVOCATION_PATH,
  JWKS_PATH,
  ...REFRESH_TOKEN_PATHS,
  ...REVOCATION_BY_OWNER_PATHS,
  ...tokenPaths('accesstokens', 'access_token'),
  ...tokenPaths('refreshtokens', 'refresh_token'),
].map((path) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`, 'i'));

function isTaken(path: string): boolean {
  return path.startsWith(WELL_KNOWN) || TAKEN.some((pattern) => pattern.test(path));
}

/** `undefined` where no document is wanted. @throws TypeError that names a bad or unknown option */
export function openApiSettings(
  factory: string,
  openapi: OpenApiRouterOptions['openapi'],
): OpenApiSettings | undefined {
  must(
    openapi === undefined || typeof openapi === 'boolean' || isObject(openapi),
    factory,
    'openapi',
    'a boolean, or an object',
  );
  if (openapi === undefined || openapi === false) return undefined;
  const options: OpenApiOptions = openapi === true ? {} : openapi;
  knownOptions(`${factory}: openapi`, options, ['path', 'servers', 'info']);
  const { path = '/openapi.json', servers, info = {} } = options;
  must(
    typeof path === 'string' && PATH.test(path),
    factory,
    'openapi.path',
    'a path such as /openapi.json, of letters, digits and . _ ~ -',
  );
  must(!isTaken(path), factory, 'openapi.path', 'the path of nothing else that a router has');
  must(
    servers === undefined || (Array.isArray(servers) && servers.length > 0 && servers.every(isServer)),
    factory,
    'openapi.servers',
    'an array of { url, description }, where the URL has no query and no slash at its end',
  );
  checkInfo(factory, info);
  // A copy: the document is made later, and only once.
  return frozenJson({ path, servers, info }) as OpenApiSettings;
}

function isServer(server: unknown): boolean {
  return areTexts(server, ['url', 'description']) && server.url !== undefined && SERVER_URL.test(server.url);
}

function checkInfo(factory: string, info: unknown): void {
  must(isObject(info), factory, 'openapi.info', 'an object');
  const { contact = {}, license = { name: '-' }, ...texts } = info;
  knownOptions(`${factory}: openapi.info`, texts, TEXTS);
  must(
    areTexts(texts, TEXTS),
    factory,
    'openapi.info',
    `an object whose ${TEXTS.join(', ')} are non-empty strings`,
  );
  must(
    areTexts(contact, ['name', 'url', 'email']),
    factory,
    'openapi.info.contact',
    'an object of name, url, email',
  );
  must(
    areTexts(license, ['name', 'identifier', 'url']) &&
      license.name !== undefined &&
      (license.identifier === undefined || license.url === undefined),
    factory,
    'openapi.info.license',
    'an object of name, and identifier or url',
  );
}

/** Whether it is an object with non-empty strings, and none under another name. */
function areTexts(value: unknown, names: readonly string[]): value is Partial<Record<string, string>> {
  return (
    isObject(value) &&
    Object.entries(value).every(
      ([name, text]) => names.includes(name) && (text === undefined || isNonEmptyString(text)),
    )
  );
}
