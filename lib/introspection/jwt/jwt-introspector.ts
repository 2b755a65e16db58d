import { unverifiedJws } from '../../jws-form.js';
import { inactive } from '../inactivity.js';
import type { IntrospectionResponse, Introspector } from '../introspector.js';
import { Deadline } from '../remote/deadline.js';
import { KeySet } from '../remote/key-set.js';
import { Discovery, namedTarget } from '../remote/metadata.js';
import { UpstreamProbe } from '../remote/upstream-probe.js';
import { activeJwt } from './active-jwt.js';
import { judgeJwt } from './judge-jwt.js';
import { type JwtIntrospectorOptions, type JwtSettings, jwtSettings } from './jwt-options.js';

/**
 * An introspector that verifies the JWT access tokens of an issuer (RFC 9068 §4) by the keys
 * that it publishes. No question goes to the issuer: a token is active until its `exp`,
 * whatever the issuer has revoked.
 *
 * It resolves to the claims of a token that is verified, in the form of RFC 7662 and frozen
 * all the way down, and to inactive for any other, which then knows why. Where the keys cannot be had, it rejects with
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
  return {
    async introspect(token, { signal, clockTolerance = 0 } = {}) {
      signal?.throwIfAborted();
      const granted = { ...rules, clockTolerance: Math.max(rules.clockTolerance, clockTolerance) };
      const jws = unverifiedJws(token);
      if (!jws) return inactive('malformed');
      const { refused } = judgeJwt(jws, granted, clock());
      if (refused) return refused;
      const deadline = new Deadline(timeout, signal);
      try {
        const verified = await deadline.race(keys.verify(token, jws.header));
        if (typeof verified !== 'object') return inactive(verified === 'wrong' ? 'signature' : 'unknown_key');
        // Judged again: what counts is what was verified, and the time by now.
        const now = clock();
        const judged = judgeJwt(verified, granted, now);
        return judged.refused ?? responseOf(judged.claims, now);
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
function responseOf(claims: Record<string, unknown>, now: number): IntrospectionResponse {
  try {
    return activeJwt(claims, now);
  } catch {
    return inactive('malformed');
  }
}
