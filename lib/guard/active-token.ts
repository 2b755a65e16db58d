import type { Request } from 'express';
import type { ActiveResponse } from '../introspection/introspector.js';

/** The token that a guarded request came with. Frozen, all the way down. */
export interface ActiveToken extends ActiveResponse {
  /** The values of `scope`, one each. */
  readonly scopes: readonly string[];
}

declare global {
  namespace Express {
    interface Request {
      /** Set by `requireActiveToken`; absent where the guard is `optional` and no token came. */
      activeToken?: ActiveToken;
    }
  }
}

/**
 * The active token of a guarded request. `property` is that of the guard, default `activeToken`.
 *
 * @throws Error where there is none: no guard before this handler, or an `optional` one that let a request without a token pass
 */
export function activeToken(req: Request, property: string = 'activeToken'): ActiveToken {
  const token = (req as unknown as Record<string, ActiveToken | undefined>)[property];
  if (!token) {
    throw new Error(
      'activeToken: this request has no active token; is requireActiveToken before this handler?',
    );
  }
  return token;
}
