import type { ClientStore } from '../clients/client.js';
import { frozenShallow } from '../frozen-copy.js';
import { checkClock, hasMethods, knownOptions, must, STORE } from '../options.js';
import { watchedFind } from '../telemetry/store-probe.js';
import { type TelemetryOptions, telemetryOf } from '../telemetry/telemetry.js';
import { type Soon, whenKnown } from '../thenable.js';
import { isTokenSyntax } from '../tokens/token-digest.js';
import { type TokenFormatOptions, tokenTest } from '../tokens/token-format.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenState } from '../tokens/token-state.js';
import type { ManagedTokenStore, TokenStore } from '../tokens/token-store.js';
import { activeResponse } from './active-response.js';
import { canAsk } from './ask.js';
import { inactive } from './inactivity.js';
import type { IntrospectionResponse, Introspector } from './introspector.js';
import { storedTokens } from './stored-tokens.js';

export interface StoreIntrospectorOptions {
  /** With it, tokens of disabled and removed clients are inactive. Must know every client that has tokens. */
  readonly clients?: ClientStore;
  /** Refuses tokens that are none of `generateToken`, without a look-up. Default: looks all up. */
  readonly tokenFormat?: TokenFormatOptions;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Where measurements and spans go; `false`: nowhere. Default: the global providers of OpenTelemetry, whenever the app registers them. */
  readonly telemetry?: TelemetryOptions | false;
}

/**
 * An introspector over a token store of this process: no network, no policy, every
 * member. Answers carry `token_use` (`access_token` or `refresh_token`), by which
 * `requireActiveToken` refuses a refresh token.
 *
 * @throws TypeError that names a bad option
 */
export function storeIntrospector(tokens: TokenStore, options: StoreIntrospectorOptions = {}): Introspector {
  must(hasMethods(tokens, 'find'), 'storeIntrospector', 'tokens', STORE);
  knownOptions('storeIntrospector', options, ['clients', 'tokenFormat', 'clock', 'telemetry']);
  const { clients, clock = Date.now } = options;
  must(clients === undefined || hasMethods(clients, 'find'), 'storeIntrospector', 'clients', STORE);
  checkClock('storeIntrospector', clock);
  const isToken = tokenTest('storeIntrospector', options.tokenFormat) ?? isTokenSyntax;
  const telemetry = telemetryOf('storeIntrospector', options.telemetry);
  const source = storedTokens({
    tokens,
    clients: clients && watchedFind(telemetry, 'clients', clients),
    clock,
    isToken,
    telemetry,
  });
  const ask = (token: string): Soon<IntrospectionResponse> =>
    whenKnown(source.find(token), (found) =>
      found
        ? whenKnown(source.judge(found.record), (state) => response(found.record, state))
        : inactive(isToken(token) ? 'unknown' : 'malformed'),
    );
  const introspect = async (token: string): Promise<IntrospectionResponse> => ask(token);
  canAsk(introspect, ask);
  return {
    introspect,
    ...(canTellRevocations(tokens) && { onRevoked: (...listeners) => tokens.onRevoked(...listeners) }),
  };
}

function response(record: TokenRecord, state: TokenState): IntrospectionResponse {
  if (state !== 'active') return inactive(state);
  // The record's own members are frozen.
  return frozenShallow({ ...activeResponse(record), token_use: record.kind });
}

function canTellRevocations(tokens: TokenStore): tokens is TokenStore & Pick<ManagedTokenStore, 'onRevoked'> {
  return hasMethods(tokens, 'onRevoked');
}
