import type { Request, Response, Router } from 'express';
import { type Reporter, watchDocument } from '../http/audit.js';
import { httpErrorOf, invalidRequest } from '../http/http-error.js';
import { forbidCaching, sendError, sendText } from '../http/respond.js';
import type { SigningKeys } from '../signing/signing-keys.js';

/** Where the public keys are: the path of `jwks_uri` (RFC 8414 §2). */
export const JWKS_PATH = '/v1/oauth/jwks';

/**
 * Seconds. Whoever verifies asks often, and nothing in the answer is secret; the shorter it is, the sooner a new key may
 * sign and a withdrawn one is gone.
 */
const MAX_AGE = 300;

/** Serves the public halves of the keys that answers are signed with (RFC 7517 §5). */
export function jwksIn(
  router: Router,
  keys: SigningKeys,
  settings: Reporter & { readonly requireTls: boolean },
): Router {
  const serve =
    (act: (res: Response) => Promise<void>) =>
    async (req: Request, res: Response): Promise<void> => {
      if (res.headersSent) return;
      const failed = watchDocument(settings, 'published-keys', req);
      // Of errors nothing may be kept.
      forbidCaching(res);
      try {
        if (settings.requireTls && !req.secure) throw invalidRequest('TLS is required');
        await act(res);
      } catch (thrown) {
        const { error } = sendError(res, httpErrorOf(thrown), ({ code, message }) => ({
          body: { error: code, error_description: message },
        }));
        failed(error);
      }
    };
  router
    .route(JWKS_PATH)
    .get(
      serve(async (res) => {
        const published = (await keys.current()).map((key) => key.published);
        // The app may have responded meanwhile, by a timeout of its own.
        if (res.headersSent) return;
        res.removeHeader('Pragma');
        res.setHeader('Cache-Control', `public, max-age=${MAX_AGE}`);
        sendText(res, 200, 'application/jwk-set+json', JSON.stringify({ keys: published }));
      }),
    )
    .all(
      serve(() => {
        throw invalidRequest('The keys can only be read', 405, { headers: { Allow: 'GET, HEAD' } });
      }),
    );
  return router;
}
