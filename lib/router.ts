import express, { type Router } from 'express';
import {
  ACCESS_TOKEN_DETAILS_OPTIONS,
  type AccessTokenDetailsOptions,
  accessTokenDetailsIn,
  NOT_FOUND_CODE,
  SCOPE_SEPARATOR,
} from './apis/access-token-details.js';
import { ApiContext } from './apis/api-context.js';
import { INTROSPECTION_SCOPE } from './apis/bearer-caller.js';
import { ClientAuthenticator } from './apis/client-authenticator.js';
import { JWKS_PATH } from './apis/jwks.js';
import {
  clientsReach,
  METADATA_OPTIONS,
  type MetadataOptions,
  type Mounted,
  metadataHandler,
  metadataPath,
  serveMetadata,
} from './apis/metadata.js';
import {
  INTROSPECTION_PATH,
  OAUTH_INTROSPECTION_OPTIONS,
  type OAuthGatewayOptions,
  type OAuthIntrospectionOptions,
  oauthIntrospectionIn,
} from './apis/oauth-introspection.js';
import { refreshTokenIntrospectionIn } from './apis/refresh-token-introspection.js';
import { canRevoke, REVOCATION_PATH, tokenRevocationIn } from './apis/revocation.js';
import { canRevokeMatching } from './apis/revocation-by-owner.js';
import { CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS } from './clients/client-answers.js';
import { type OpenApiRouterOptions, openApiSettings } from './openapi/openapi-options.js';
import type { RouterFacts } from './openapi/router-facts.js';
import { serveOpenApi } from './openapi/serve-openapi.js';
import { isNonEmptyString, must } from './options.js';
import type { SigningKeys } from './signing/signing-keys.js';
import { whenKnown } from './thenable.js';

const STORE_OPTIONS = [...ACCESS_TOKEN_DETAILS_OPTIONS, ...METADATA_OPTIONS] as const;

export interface IntrospectionRouterOptions
  extends OAuthIntrospectionOptions,
    AccessTokenDetailsOptions,
    MetadataOptions,
    OpenApiRouterOptions {
  /** Our issuer identifier (RFC 8414 §2), which a Bearer caller's token must carry in `aud`. */
  readonly issuer: string;
}

/** A router with OAuth introspection only, in front of an introspector. */
export interface IntrospectionGatewayOptions extends OAuthGatewayOptions, OpenApiRouterOptions {
  /** The issuer identifier which a Bearer caller's token must carry in `aud`. */
  readonly issuer: string;
  readonly scopeSeparator?: never;
  readonly notFoundCode?: never;
  readonly metadata?: never;
  readonly baseUrl?: never;
  readonly management?: never;
}

/**
 * All three APIs at their published paths, token revocation (RFC 7009) where the store can revoke, and metadata (RFC 8414), with one set of limits and one memory of
 * verified secrets; with `openapi`, an OpenAPI document of all of that. Mount it where you like: `app.use(introspectionRouter({ … }))`.
 *
 * With `introspector` in place of `tokens` it is a gateway and has OAuth introspection only:
 * the other two APIs tell what only a store knows.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function introspectionRouter(
  options: IntrospectionRouterOptions | IntrospectionGatewayOptions,
): Router {
  const factory = 'introspectionRouter';
  const context = new ApiContext(
    factory,
    options,
    ...OAUTH_INTROSPECTION_OPTIONS,
    ...STORE_OPTIONS,
    'openapi',
  );
  const document = openApiSettings(factory, options.openapi);
  must(isNonEmptyString(options.issuer), factory, 'issuer', 'a non-empty string');
  // One router, not one in another: that would be three layers more for each request.
  const router = express.Router();
  const authenticator = new ClientAuthenticator(context, factory, options);
  oauthIntrospectionIn(router, context, authenticator, factory, options);
  if (options.introspector) {
    for (const option of STORE_OPTIONS) {
      must(options[option] === undefined, factory, option, 'left out where there is no "tokens"');
    }
    if (document) serveOpenApi(router, document, facts(context, authenticator, options), context);
    return router;
  }
  refreshTokenIntrospectionIn(router, context);
  const management = accessTokenDetailsIn(router, context, factory, options);
  const revokes = canRevoke(options.tokens);
  if (revokes) tokenRevocationIn(router, context, authenticator, options.tokens);
  const metadata = metadataHandler(factory, options, {
    issuer: options.issuer,
    requireTls: context.requireTls,
    audit: context.audit,
    requestId: context.requestId,
    clock: context.clock,
    ...mounted(authenticator, revokes, context.signingKeys),
  });
  if (metadata) serveMetadata(router, options.issuer, metadata);
  if (document) {
    const { issuer, baseUrl, scopeSeparator = SCOPE_SEPARATOR, notFoundCode = NOT_FOUND_CODE } = options;
    serveOpenApi(
      router,
      document,
      {
        ...facts(context, authenticator, options),
        baseUrl: clientsReach(issuer, baseUrl),
        store: {
          revokes,
          metadataPath: metadata && metadataPath(issuer),
          scopeSeparator,
          notFoundCode,
          revokesMatching: canRevokeMatching(options.tokens),
          management,
        },
      },
      context,
    );
  }
  return router;
}

/** What the OpenAPI document tells of a gateway, and of any other router as well. */
function facts(
  { realm, requireTls, isThrottled }: ApiContext,
  { methods, algorithms }: ClientAuthenticator,
  {
    issuer,
    introspectionScope = INTROSPECTION_SCOPE,
    keys,
  }: Pick<IntrospectionRouterOptions, 'issuer' | 'introspectionScope' | 'keys'>,
): RouterFacts {
  return {
    issuer,
    baseUrl: undefined,
    realm,
    requireTls,
    isThrottled,
    methods,
    algorithms,
    introspectionScope,
    keys: keys === undefined ? 'none' : typeof keys === 'function' ? 'changing' : 'constant',
    store: undefined,
  };
}

/** What the metadata says of the APIs that have a standard (RFC 8414 §2). */
function mounted(
  authenticator: ClientAuthenticator,
  revokes: boolean,
  signingKeys: SigningKeys | undefined,
): Pick<Mounted, 'endpoints' | 'members'> {
  const { methods, algorithms } = authenticator;
  return {
    endpoints: {
      introspection_endpoint: INTROSPECTION_PATH,
      ...(revokes && { revocation_endpoint: REVOCATION_PATH }),
      ...(signingKeys && { jwks_uri: JWKS_PATH }),
    },
    members: () =>
      whenKnown(signingKeys?.latest(), (keys) => ({
        // An access-token type stands among the methods where callers may come with one.
        introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
        introspection_endpoint_auth_signing_alg_values_supported: algorithms,
        // A public client may end its own tokens.
        ...(revokes && {
          revocation_endpoint_auth_methods_supported: [...methods, 'none'],
          revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        }),
        ...(keys && {
          introspection_signing_alg_values_supported: [...new Set(keys.flatMap(({ alg }) => alg ?? []))],
          introspection_encryption_alg_values_supported: ENCRYPTION_ALGORITHMS,
          introspection_encryption_enc_values_supported: CONTENT_ENCRYPTIONS,
        }),
      })),
  };
}
