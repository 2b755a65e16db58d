import type { ClientStore } from '../clients/client.js';
import { frozenShallow } from '../frozen-copy.js';
import { checkClock, hasMethods, knownOptions, must, STORE } from '../options.js';
import type { ManagedTokenStore, TokenStore } from '../tokens/token-store.js';
import { activeResponse } from './active-response.js';
import type { Introspector } from './introspector.js';
import { findToken, judgeToken } from './token-lookup.js';

export interface StoreIntrospectorOptions {
  /** With it, tokens of disabled and removed clients are inactive. Must know every client that has tokens. */
  readonly clients?: ClientStore;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
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
  knownOptions('storeIntrospector', options, ['clients', 'clock']);
  const { clients, clock = Date.now } = options;
  must(clients === undefined || hasMethods(clients, 'find'), 'storeIntrospector', 'clients', STORE);
  checkClock('storeIntrospector', clock);
  const source = { tokens, clients, clock };
  return {
    async introspect(token) {
      const found = await findToken(source, token);
      if (!found || (await judgeToken(source, found.record)) !== 'active') return { active: false };
      // The record's own members are frozen.
      return frozenShallow({ ...activeResponse(found.record), token_use: found.record.kind });
    },
    ...(canTellRevocations(tokens) && { onRevoked: (listener) => tokens.onRevoked(listener) }),
  };
}

function canTellRevocations(tokens: TokenStore): tokens is TokenStore & Pick<ManagedTokenStore, 'onRevoked'> {
  return hasMethods(tokens, 'onRevoked');
}
