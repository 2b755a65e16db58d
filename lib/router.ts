import express, { type Router } from 'express';
import {
  ACCESS_TOKEN_DETAILS_OPTIONS,
  type AccessTokenDetailsOptions,
  accessTokenDetailsIn,
} from './apis/access-token-details.js';
import { ApiContext } from './apis/api-context.js';
import {
  OAUTH_INTROSPECTION_OPTIONS,
  type OAuthGatewayOptions,
  type OAuthIntrospectionOptions,
  oauthIntrospectionIn,
} from './apis/oauth-introspection.js';
import { refreshTokenIntrospectionIn } from './apis/refresh-token-introspection.js';
import { isNonEmptyString, must } from './options.js';

export interface IntrospectionRouterOptions extends OAuthIntrospectionOptions, AccessTokenDetailsOptions {
  /** Our issuer identifier (RFC 8414 §2), which a Bearer caller's token must carry in `aud`. */
  readonly issuer: string;
}

/** A router with OAuth introspection only, in front of an introspector. */
export interface IntrospectionGatewayOptions extends OAuthGatewayOptions {
  /** The issuer identifier which a Bearer caller's token must carry in `aud`. */
  readonly issuer: string;
  readonly scopeSeparator?: never;
  readonly notFoundCode?: never;
  readonly management?: never;
}

/**
 * All three APIs at their published paths, with one set of limits and one memory of
 * verified secrets. Mount it where you like: `app.use(introspectionRouter({ … }))`.
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
    ...ACCESS_TOKEN_DETAILS_OPTIONS,
  );
  must(isNonEmptyString(options.issuer), factory, 'issuer', 'a non-empty string');
  // One router, not one in another: that would be three layers more for each request.
  const router = express.Router();
  oauthIntrospectionIn(router, context, factory, options);
  if (options.introspector) {
    for (const option of ACCESS_TOKEN_DETAILS_OPTIONS) {
      must(options[option] === undefined, factory, option, 'left out where there is no "tokens"');
    }
    return router;
  }
  refreshTokenIntrospectionIn(router, context);
  accessTokenDetailsIn(router, context, factory, options);
  return router;
}
