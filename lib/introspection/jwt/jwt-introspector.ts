import { type JwsHeader, jsonObject, unverifiedJws } from '../../jws-form.js';
import type { IntrospectionResponse, Introspector } from '../introspector.js';
import { Deadline } from '../remote/deadline.js';
import { INACTIVE } from '../remote/members.js';
import { Discovery, namedTarget } from '../remote/metadata.js';
import { UpstreamProbe } from '../remote/upstream-probe.js';
import { activeJwt } from './active-jwt.js';
import { isAcceptable } from './judge-jwt.js';
import { type JwtIntrospectorOptions, type JwtSettings, jwtSettings } from './jwt-options.js';
import { KeySet } from './key-set.js';

/**
 * An introspector that verifies the JWT access tokens of an issuer (RFC 9068 §4) by the keys
 * that it publishes. No question goes to the issuer: a token is active until its `exp`,
 * whatever the issuer has revoked.
 *
 * It resolves to the claims of a token that is verified, in the form of RFC 7662 and frozen
 * all the way down, and to inactive for any other. Where the keys cannot be had, it rejects with
 * `IntrospectionUnavailableError` (`discovery` or `timeout`). What is not even a JWT of this
 * issuer is inactive without a request. With `options.signal`, the question ends with the
 * signal's reason.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function jwtIntrospector(options: JwtIntrospectorOptions): Introspector {
  const settings = jwtSettings(options);
  const { rules, timeout, clock } = settings;
  const { location, telemetry } = settings;
  const configured = 'keys' in location ? location.keys : location.issuer;
  const probe = new UpstreamProbe(telemetry, 'keys', configured.href);
  const keys = new KeySet(settings, locator(settings), probe);
  const acceptable = (header: JwsHeader, payload: Buffer): Record<string, unknown> | undefined => {
    const claims = jsonObject(payload);
    return claims && isAcceptable(header, claims, rules, clock()) ? claims : undefined;
  };
  return {
    async introspect(token, { signal } = {}) {
      signal?.throwIfAborted();
      const jws = unverifiedJws(token);
      if (!jws || !acceptable(jws.header, jws.payload)) return INACTIVE;
      const deadline = new Deadline(timeout, signal);
      try {
        const verified = await deadline.race(keys.verify(token, jws.header));
        // Judged again: what counts is what was verified, and the time by now.
        const claims = verified && acceptable(verified.header, verified.payload);
        return claims ? answerOf(claims) : INACTIVE;
      } finally {
        deadline.release();
      }
    },
  };
}

/** Tells the URL of the keys, which metadata has to name only once. */
function locator(settings: JwtSettings): () => Promise<string> {
  const { location, allowInsecureRequests } = settings;
  if ('keys' in location) return async () => location.keys.href;
  const discovery = new Discovery({ ...settings, issuer: location.issuer }, (metadata) =>
    namedTarget(metadata.jwks_uri, 'keys', allowInsecureRequests),
  );
  return async () => (discovery.known ?? (await discovery.find())).url;
}

/** A token whose claims make no sense is no good token, and no outage either. */
function answerOf(claims: Record<string, unknown>): IntrospectionResponse {
  try {
    return activeJwt(claims);
  } catch {
    return INACTIVE;
  }
}
