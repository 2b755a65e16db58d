import { unverifiedJws } from '../jws-form.js';
import { hasMethods, knownOptions, must } from '../options.js';
import { ask, canAsk, isRemembered } from './ask.js';
import type { IntrospectionResponse, Introspector } from './introspector.js';
import { tellsRevocations } from './revocations.js';

/** Who is asked about which tokens. Both are required. */
export interface RoutingIntrospectorOptions {
  /** Asked about every token that is a signed JWT in form (RFC 7515 §7.1), such as a `jwtIntrospector`. */
  readonly jwt: Introspector;
  /** Asked about any other, encrypted JWTs included. */
  readonly opaque: Introspector;
}

const FACTORY = 'routingIntrospector';

/**
 * An introspector for a server that issues JWTs and opaque tokens: it looks at the form of a
 * token and asks one of two. It verifies nothing itself, answers what that one answers, and
 * tells of the revocations that either tells of.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function routingIntrospector(options: RoutingIntrospectorOptions): Introspector {
  knownOptions(FACTORY, options, ['jwt', 'opaque']);
  const { jwt, opaque } = options;
  for (const [option, introspector] of Object.entries({ jwt, opaque })) {
    must(hasMethods(introspector, 'introspect'), FACTORY, option, 'an object with an introspect method');
  }
  const responsible = (token: string): Introspector => (unverifiedJws(token) ? jwt : opaque);
  const introspect: Introspector['introspect'] = async (token, asked): Promise<IntrospectionResponse> =>
    responsible(token).introspect(token, asked);
  canAsk(
    introspect,
    (token, asked) => ask(responsible(token), token, asked),
    (token, asked) => isRemembered(responsible(token), token, asked),
  );
  const telling = [jwt, opaque].filter(tellsRevocations);
  if (telling.length === 0) return { introspect };
  return {
    introspect,
    onRevoked(...listeners) {
      const stops = telling.map((introspector) => introspector.onRevoked(...listeners));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
